/** What the `field` of a condition names. */
import { parseDuration } from '../values/duration.ts';
import { dotted, isCapabilityName, isUnitName } from './names.ts';

/** One step into the arguments; `each` goes on into every element of a list. */
export interface PathStep {
  readonly name: string;
  readonly each: boolean;
}

export type Field =
  /** Domains of all addresses in `to`, `cc` and `bcc`. */
  | { readonly kind: 'recipientDomains' }
  /** All of `payee`, `recipient` and `to`. */
  | { readonly kind: 'payee' }
  /** The money the call spends. */
  | { readonly kind: 'amount' }
  /** The capability itself. */
  | { readonly kind: 'action' }
  | { readonly kind: 'argument'; readonly path: readonly PathStep[] }
  | { readonly kind: 'count'; readonly windowSeconds: number }
  /** Calls, with the window in the operand: `20/hour/agent`. */
  | { readonly kind: 'calls' }
  /** `of` is an impact unit or the namespace of capabilities whose money is summed. */
  | { readonly kind: 'sum'; readonly of: string; readonly windowSeconds: number }
  /** An earlier call: `done(tests.run)`, `approved(review)`. */
  | { readonly kind: 'prerequisite' }
  /** Whether `of` has a value that no call had before: `first_use(payee)`. */
  | { readonly kind: 'firstUse'; readonly of: string }
  /** Whether what led to the call is trusted. */
  | { readonly kind: 'provenance' }
  /** The highest level of what detectors say. */
  | { readonly kind: 'risk' };

export type FieldReading = { readonly field: Field; readonly canonical: string };

/** Whether the field is a window, which stands alone in its guard. */
export function isWindowField({ kind }: Field): boolean {
  return kind === 'count' || kind === 'calls' || kind === 'sum';
}

const NAMED: Readonly<Record<string, FieldReading>> = {
  'to.domain': { field: { kind: 'recipientDomains' }, canonical: 'to.domain' },
  to_domain: { field: { kind: 'recipientDomains' }, canonical: 'to.domain' },
  payee: { field: { kind: 'payee' }, canonical: 'payee' },
  amount: { field: { kind: 'amount' }, canonical: 'amount' },
  action: { field: { kind: 'action' }, canonical: 'action' },
  'tool.calls': { field: { kind: 'calls' }, canonical: 'tool.calls' },
  'rate.per_second': { field: { kind: 'count', windowSeconds: 1 }, canonical: 'rate.per_second' },
  'rate.per_minute': { field: { kind: 'count', windowSeconds: 60 }, canonical: 'rate.per_minute' },
  'rate.per_hour': { field: { kind: 'count', windowSeconds: 3_600 }, canonical: 'rate.per_hour' },
  'rate.per_day': { field: { kind: 'count', windowSeconds: 86_400 }, canonical: 'rate.per_day' },
  'rate.per_week': { field: { kind: 'count', windowSeconds: 604_800 }, canonical: 'rate.per_week' },
  risk: { field: { kind: 'risk' }, canonical: 'risk' },
  risk_signal: { field: { kind: 'risk' }, canonical: 'risk' },
  provenance: { field: { kind: 'provenance' }, canonical: 'provenance' },
};
const WINDOW = /^(sum|count) ?\( ?([A-Za-z0-9_.-]+) ?, ?([0-9]+[smhdw]) ?\)(?: ?\+ ?amount)?$/;
const COUNT = /^count ?\( ?([0-9]+[smhdw]) ?\)$/;
const STEP = /^([A-Za-z_$@][A-Za-z0-9_$@-]{0,99})(\[\])?$/;
const BEFORE = /^(done|approved) ?\( ?([A-Za-z0-9_.-]+) ?\)$/;
const FIRST = /^first_use ?\( ?([^() ]+) ?\)$/;
const MAX_STEPS = 10;

/** Undefined for a text that names no field. Beginning with `args.`, it always names an argument. */
export function readField(text: string): FieldReading | undefined {
  if (Object.hasOwn(NAMED, text)) return NAMED[text];
  if (text.includes('(')) return readBefore(text) ?? readFirstUse(text) ?? readWindow(text);
  const raw = text.startsWith('args.') ? text.slice(5) : text;
  const steps = raw.split('.').map((part) => STEP.exec(part));
  if (steps.length > MAX_STEPS) return undefined;
  const path: PathStep[] = [];
  for (const step of steps) {
    if (step === null) return undefined;
    path.push({ name: step[1] ?? '', each: step[2] !== undefined });
  }
  // `rate.per_fortnight` is a slip, not an argument
  if (raw === text && (path[0]?.name === 'rate' || path[0]?.name === 'tool')) return undefined;
  return { field: { kind: 'argument', path }, canonical: text };
}

function readBefore(text: string): FieldReading | undefined {
  const [, by, name = ''] = BEFORE.exec(text) ?? [];
  const capability = dotted(name);
  if (by === undefined || !isCapabilityName(capability)) return undefined;
  return { field: { kind: 'prerequisite' }, canonical: `${by}(${capability})` };
}

function readFirstUse(text: string): FieldReading | undefined {
  const of = FIRST.exec(text)?.[1];
  const inner = of === undefined ? undefined : readField(of);
  if (inner === undefined || !HAS_VALUES.has(inner.field.kind)) return undefined;
  const { canonical } = inner;
  return { field: { kind: 'firstUse', of: canonical }, canonical: `first_use(${canonical})` };
}

const HAS_VALUES: ReadonlySet<Field['kind']> = new Set(['payee', 'action', 'argument']);

function readWindow(text: string): FieldReading | undefined {
  const counted = COUNT.exec(text)?.[1];
  if (counted !== undefined) {
    const windowSeconds = parseDuration(counted);
    return windowSeconds === undefined
      ? undefined
      : { field: { kind: 'count', windowSeconds }, canonical: `count(${counted})` };
  }
  const [, what, of = '', length = ''] = WINDOW.exec(text) ?? [];
  const windowSeconds = parseDuration(length);
  if (what !== 'sum' || windowSeconds === undefined || !(isUnitName(of) || isCapabilityName(of))) return undefined;
  return { field: { kind: 'sum', of, windowSeconds }, canonical: `sum(${of}, ${length})` };
}
