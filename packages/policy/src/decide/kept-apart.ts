/** What is remembered of calls is kept apart by something of them: `per: payee`, `first_use(payee)`. */
import { createHash } from 'node:crypto';
import { readField } from '../documents/fields.ts';
import type { DecisionRequest, JsonObject, JsonValue } from '../model.ts';
import { itemsOf } from '../values/json.ts';
import { payeesIn, readerOf } from './condition.ts';

/** A batch of more is taken as one that cannot be told apart. */
const MAX_PARTS = 100;
const DIGEST_CHARACTERS = 32;
/** Where calls are counted that cannot be told apart. */
export const UNKNOWN_PART = '?';

/** The values of a call, each with a counter of its own; undefined when they cannot be told. */
export type Parts = (request: DecisionRequest) => readonly string[] | undefined;

/** Spellings that a tool may take for the same are one part. Throws a TypeError for a `per` that was not checked. */
export function partsOf(per: string): Parts {
  return partsBy(per, plain);
}

/** Each value as it was sent is a part: no spelling passes for another. */
export function exactPartsOf(per: string): Parts {
  return partsBy(per, exact);
}

type Spelling = (item: JsonValue) => string | undefined;

function partsBy(per: string, spelling: Spelling): Parts {
  const digestsOf = digests(per, spelling);
  if (per === 'action') return ({ capability }) => [capability];
  if (per === 'session') return ({ workspaceId, sessionId }) => digestsOf(workspaceId, sessionId);
  if (per === 'payee')
    return ({ workspaceId, arguments: args }) => digestsOf(workspaceId, payeesIn(args).flatMap(itemsOf));
  const field = readField(per)?.field;
  if (field?.kind !== 'argument') throw new TypeError(`${per} was not checked`);
  const valueAt = readerOf(field.path);
  return ({ workspaceId, arguments: args }) => digestsOf(workspaceId, valueAt(args));
}

/** Whom a call pays, in the spelling in which payees are compared; a value that has none is left out. */
export function payeesOf(args: JsonObject): readonly string[] {
  return [
    ...new Set(
      payeesIn(args)
        .flatMap(itemsOf)
        .flatMap((item) => plain(item) ?? []),
    ),
  ];
}

/** Keys stand in records, where arguments are redacted: so only digests are in them. */
function digests(per: string, spelling: Spelling) {
  return (workspaceId: string, value: JsonValue | undefined): readonly string[] | undefined => {
    if (value === undefined || value === null) return undefined;
    const parts = new Set<string>();
    for (const item of itemsOf(value)) {
      const text = spelling(item);
      if (text === undefined) return undefined;
      parts.add(text);
    }
    if (parts.size === 0 || parts.size > MAX_PARTS) return undefined;
    return [...parts].map((text) =>
      createHash('sha256').update(`${workspaceId}\0${per}\0${text}`).digest('hex').slice(0, DIGEST_CHARACTERS),
    );
  };
}

/** A text and a number that look alike are two values. Empty is no value. */
function exact(item: JsonValue): string | undefined {
  if (item === '' || item === null || typeof item === 'object') return undefined;
  return JSON.stringify(item);
}

const ADDRESSED = /^[^<>]*<([^<>]+)>$/;

/** One spelling for what a tool may take for the same: case, space, width, invisible characters, the name before an address. */
function plain(item: JsonValue): string | undefined {
  if (typeof item === 'number' || typeof item === 'boolean') return String(item);
  if (typeof item !== 'string') return undefined;
  const text = item
    .normalize('NFKC')
    .replaceAll(/[\p{Cc}\p{Cf}]/gu, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .toLowerCase();
  const spelled = ADDRESSED.exec(text)?.[1]?.trim() ?? text;
  return spelled === '' ? undefined : spelled;
}
