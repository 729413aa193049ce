/** What a call is about, for its record: read from arguments as they stand there, so that a record says it once and no more. */
import { readField } from '../documents/fields.ts';
import type { CallSubjects, Capability, JsonObject, JsonValue } from '../model.ts';
import { domainOf } from '../values/domain.ts';
import { itemsOf } from '../values/json.ts';
import { currencyOf } from '../values/money.ts';
import { readerOf } from './condition.ts';
import { payeesOf } from './kept-apart.ts';

export type ReadSubjects = (args: JsonObject) => CallSubjects & Pick<Capability, 'external'>;

const MAX_TEXT = 256;

/** Reads what the definition names. Without names: whom a call that spends money pays, and the domain that one which reaches outside is sent to. */
export function subjectsOf({ about = {}, external, impact }: Capability): ReadSubjects {
  const spendsMoney = Object.keys(impact).some((unit) => currencyOf(unit) !== undefined);
  const payee = textAt(about.payee) ?? (spendsMoney ? (args: JsonObject) => joined(payeesOf(args)) : undefined);
  const dest = textAt(about.dest, domainOf) ?? (external === true ? addressed : undefined);
  const resource = textAt(about.resource);
  const reach = external === undefined ? {} : { external };
  if (payee === undefined && dest === undefined && resource === undefined) return () => reach;
  return (args) => ({
    ...reach,
    ...named('payee', payee?.(args)),
    ...named('dest', dest?.(args)),
    ...named('resource', resource?.(args)),
  });
}

function named(subject: keyof CallSubjects, value: string | undefined): CallSubjects {
  return value === undefined ? {} : { [subject]: value };
}

/** `spell`: its usual form; a value that has none stands as it is. */
function textAt(path: string | undefined, spell: (text: string) => string | undefined = (text) => text) {
  if (path === undefined) return undefined;
  const field = readField(path.startsWith('args.') ? path : `args.${path}`)?.field;
  if (field?.kind !== 'argument') return undefined;
  const valueAt = readerOf(field.path);
  return (args: JsonObject): string | undefined => joined(textsOf(valueAt(args)).map((text) => spell(text) ?? text));
}

function addressed(args: JsonObject): string | undefined {
  return joined(payeesOf(args).flatMap((text) => domainOf(text) ?? []));
}

function textsOf(value: JsonValue | undefined): readonly string[] {
  if (value === undefined || value === null) return [];
  return itemsOf(value).flatMap((item) => (typeof item === 'string' || typeof item === 'number' ? [String(item)] : []));
}

/** Several in one order, as one text. */
function joined(texts: readonly string[]): string | undefined {
  if (texts.length === 0) return undefined;
  const text = texts.length === 1 ? texts[0] : [...new Set(texts)].sort().join(', ');
  return text?.slice(0, MAX_TEXT).toWellFormed();
}
