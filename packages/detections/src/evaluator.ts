/** What the engine runs: one evaluator for each rule. */
import type { FlatEvent, Level } from './types.ts';

/** At most this many event ids stand in a finding. */
export const MAX_EVIDENCE = 100;

/** A rule holds on an event. The engine makes a finding of it, unless it is suppressed. */
export interface Match {
  readonly clause?: string;
  /** Where it is not that of the rule. */
  readonly level?: Level;
  /** Where it is not that of the rule; 0: none. */
  readonly suppressionMs?: number;
  readonly group: Readonly<Record<string, string>>;
  /** Event times in milliseconds. */
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly isExact: boolean;
  readonly evidence: readonly string[];
  readonly measured: Readonly<Record<string, number | string>>;
  readonly reason: string;
  /** The one that completed it; of a silence the last one before it. */
  readonly event: FlatEvent;
  readonly synthetic: boolean;
}

export interface Evaluator {
  /** Others are not shown to it; undefined: all. */
  readonly kinds: ReadonlySet<string> | undefined;
  /** `at` is the event time in milliseconds as the engine understands it. */
  take(event: FlatEvent, at: number): readonly Match[];
  /** A signed checkpoint has moved the clock to `at`. */
  tick?(at: number): readonly Match[];
  readonly keys: number;
  readonly evicted: number;
  /** JSON; what `load` takes. */
  save(): unknown;
  load(saved: unknown): void;
}

export function textField(event: FlatEvent, field: string): string | undefined {
  const value = event[field];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function numberField(event: FlatEvent, field: string): number | undefined {
  const value = event[field];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

export function listField(event: FlatEvent, field: string): readonly string[] {
  const value = event[field];
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}

export function idOf(event: FlatEvent): string {
  return textField(event, 'event_id') ?? '';
}

export function isSynthetic(event: FlatEvent): boolean {
  return event.synthetic === true;
}

/** The match of one event by itself. */
export function single(
  event: FlatEvent,
  at: number,
  group: readonly string[],
  reason: string,
  rest: Partial<Pick<Match, 'clause' | 'level' | 'suppressionMs' | 'measured' | 'evidence' | 'from'>> = {},
): Match {
  const evidence = rest.evidence ?? [idOf(event)];
  return {
    ...{ group: groupOf(event, group) ?? {}, from: at, to: at, isExact: true, measured: {}, reason, event },
    ...rest,
    ...{ evidence, count: evidence.length, synthetic: isSynthetic(event) },
  };
}

/** Undefined where a field is missing. */
export function groupOf(event: FlatEvent, fields: readonly string[]): Readonly<Record<string, string>> | undefined {
  const group: Record<string, string> = {};
  for (const field of fields) {
    const value = event[field];
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return undefined;
    group[field] = String(value);
  }
  return group;
}

/** One text of the values; no two groups have the same. */
export function keyOf(group: Readonly<Record<string, string>>): string {
  const values = Object.values(group);
  return values.length === 1 ? (values[0] ?? '') : values.map((value) => value.replaceAll(/[\\|]/g, '\\$&')).join('|');
}
