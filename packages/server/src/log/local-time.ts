/** The wall clock of a time zone, without asking for its rules at each record. */

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Zones change their offset at the full quarter of an hour, UTC. */
const QUARTER_MS = 900_000;
/** There are fewer zones than that. */
const MAX_ZONES = 1_000;

interface Offset {
  /** The quarter for which it holds. */
  readonly quarter: number;
  readonly ms: number;
}

const offsets = new Map<string, Offset>();
const formats = new Map<string, Intl.DateTimeFormat>();

export interface LocalTime {
  /** 0 to 23. */
  readonly hour: number;
  /** ISO 8601: 1 is Monday, 7 Sunday. */
  readonly dayOfWeek: number;
}

/** `zone`: an IANA name; one that is not known is taken as UTC. */
export function localTime(ms: number, zone: string): LocalTime {
  const local = ms + (zone === 'UTC' ? 0 : offsetOf(ms, zone));
  // 1970-01-01 was a Thursday.
  const day = Math.floor(local / DAY_MS) + 3;
  return { hour: Math.floor((local % DAY_MS) / HOUR_MS), dayOfWeek: (day % 7) + 1 };
}

function offsetOf(ms: number, zone: string): number {
  const quarter = Math.floor(ms / QUARTER_MS);
  const held = offsets.get(zone);
  if (held?.quarter === quarter) return held.ms;
  const offset = readOffset(quarter * QUARTER_MS, zone);
  if (offsets.size >= MAX_ZONES) offsets.clear();
  offsets.set(zone, { quarter, ms: offset });
  return offset;
}

function readOffset(ms: number, zone: string): number {
  const format = formatOf(zone);
  if (format === undefined) return 0;
  const parts = new Map(format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
  const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
  return Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second')) - ms;
}

function formatOf(zone: string): Intl.DateTimeFormat | undefined {
  const held = formats.get(zone);
  if (held !== undefined) return held;
  try {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    if (formats.size >= MAX_ZONES) formats.clear();
    formats.set(zone, format);
    return format;
  } catch {
    return undefined;
  }
}
