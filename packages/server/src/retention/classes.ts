/** Classes of records, each kept for a period of its own. Pure. */

export const CLASSES = [
  'calls',
  'results',
  'approvals',
  'policy',
  'security',
  'administrative',
  'reads',
  'system',
] as const;
export type RetentionClass = (typeof CLASSES)[number];

/** Days, or null: for ever. */
export type Periods = Readonly<Record<RetentionClass, number | null>>;

export const KEEP_ALL: Periods = {
  calls: null,
  results: null,
  approvals: null,
  policy: null,
  security: null,
  administrative: null,
  reads: null,
  system: null,
};

/**
 * Kinds of each class as SQL patterns. `administrative` is what no other class has, so that a kind that comes later is kept
 * as long as that.
 */
const KINDS: Readonly<Record<Exclude<RetentionClass, 'administrative'>, readonly string[]>> = {
  calls: ['tool.call', 'gateway.refused'],
  results: ['tool.result'],
  approvals: ['approval.%', 'delegation.%', 'review.%'],
  policy: [
    'role.%',
    'policy.%',
    'policy\\_%',
    'object.%',
    'versions.%',
    'drift.%',
    'capability.%',
    'tool.changed',
    'tool\\_limit.%',
    'server.%',
    'sources.%',
    'freeze.%',
    'change.%',
    'blast\\_radius.%',
    'least\\_privilege.%',
    'breaker.changed',
  ],
  security: [
    'containment.%',
    'quarantine.%',
    'rehearsal.%',
    'drill.%',
    'breaker.tripped',
    'breaker.half\\_opened',
    'breaker.closed',
    'risk.%',
    'detection.%',
    'alert.%',
    'incident.%',
    'identity.unregistered',
    'break\\_glass.%',
    'management.refused',
    'sign\\_in.refused',
    'sink.%',
  ],
  reads: ['log.read', 'log.exported'],
  system: ['system.%'],
};

/** What says how the log was kept stays as long as the log does. Of these, `log.redacted` goes with what it is about. */
const KEPT_FOR_EVER = ['log.pruned', 'log.redacted', 'hold.%', 'retention.%'];

export interface KindPatterns {
  readonly like: readonly string[];
  readonly notLike: readonly string[];
}

/** `kind LIKE ANY(like) AND NOT kind LIKE ANY(notLike)` */
export function patternsOf(retentionClass: RetentionClass): KindPatterns {
  if (retentionClass !== 'administrative') return { like: KINDS[retentionClass], notLike: KEPT_FOR_EVER };
  return { like: ['%'], notLike: [...Object.values(KINDS).flat(), ...KEPT_FOR_EVER] };
}

export function classOf(kind: string): RetentionClass | undefined {
  if (KEPT_FOR_EVER.some((pattern) => matches(pattern, kind))) return undefined;
  for (const each of CLASSES)
    if (each !== 'administrative' && KINDS[each].some((pattern) => matches(pattern, kind))) return each;
  return 'administrative';
}

function matches(pattern: string, kind: string): boolean {
  const plain = pattern.replaceAll('\\_', '_');
  return plain.endsWith('%') ? kind.startsWith(plain.slice(0, -1)) : kind === plain;
}

/**
 * An audit of how controls worked over time looks back over twelve months and takes some weeks itself; starts and stops of
 * nodes are asked about for the quarter at hand.
 */
const EVIDENCE_DAYS = 400;
const SYSTEM_DAYS = 90;
/** The database refuses what is younger (`log_youngest_pruned`): windows are compared with the log over 31 days. */
const LEAST_DAYS = 35;
export const MOST_DAYS = 36_500;

/** No period of the class may be shorter. */
export function floorDays(retentionClass: RetentionClass, environment: string): number {
  if (environment !== 'prod') return LEAST_DAYS;
  return retentionClass === 'system' ? SYSTEM_DAYS : EVIDENCE_DAYS;
}

/** In words, why these periods cannot be; undefined when they can. */
export function periodsProblem(periods: Periods, environment: string): string | undefined {
  for (const each of CLASSES) {
    const days = periods[each];
    const floor = floorDays(each, environment);
    if (days !== null && days < floor) return `${each} is kept for at least ${floor} days in ${environment}`;
  }
  // How a call ended says nothing without the call, and a call without its result is taken for one that never ended.
  if (days(periods.results) < days(periods.calls)) return 'results are kept at least as long as calls';
  return undefined;
}

/** Whether something would be kept for less long. */
export function isShorter(before: Periods, after: Periods): boolean {
  return CLASSES.some((each) => days(after[each]) < days(before[each]));
}

function days(period: number | null): number {
  return period ?? Number.POSITIVE_INFINITY;
}
