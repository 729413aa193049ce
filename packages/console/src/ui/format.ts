/** Numbers and times as the console prints them. Pure. */

const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;

const dateTime = new Intl.DateTimeFormat('en-GB', {
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short',
});
const clock = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
});
const day = new Intl.DateTimeFormat('en-GB', { day: '2-digit', month: 'short' });
const number = new Intl.NumberFormat('en-US');

/** Epoch seconds or ISO 8601 to a Date; undefined when it is neither. */
export function readTime(value: number | string): Date | undefined {
  const date = new Date(typeof value === 'number' ? value * 1000 : value);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/** Of a field for local date and time, to epoch seconds. */
export function secondsOfLocal(local: string): number {
  return Math.floor(new Date(local).getTime() / 1000);
}

/** Epoch seconds, as a field for local date and time takes them. */
export function localOfSeconds(seconds: number, to: 'minutes' | 'seconds' = 'minutes'): string {
  const date = new Date(seconds * 1000);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000)
    .toISOString()
    .slice(0, to === 'minutes' ? 16 : 19);
}

/** `just now`, `4 min ago`, `in 3 d`. */
export function relativeTime(date: Date, nowMs: number): string {
  const seconds = (nowMs - date.getTime()) / 1000;
  const distance = Math.abs(seconds);
  if (distance < 45) return seconds >= -5 ? 'just now' : 'in under a minute';
  const amount =
    distance < 45 * MINUTE
      ? `${Math.max(1, Math.round(distance / MINUTE))} min`
      : distance < 22 * HOUR
        ? `${Math.max(1, Math.round(distance / HOUR))} h`
        : `${Math.max(1, Math.round(distance / DAY))} d`;
  return seconds > 0 ? `${amount} ago` : `in ${amount}`;
}

/** Local date and time with its zone. */
export function localTime(date: Date): string {
  return dateTime.format(date);
}

/** Local time with its zone, and UTC to the millisecond as the log has it. */
export function exactTime(date: Date): string {
  return `${localTime(date)} · ${date.toISOString()}`;
}

/** `14:02:04.123`, with the day before it when it is not today. */
export function clockTime(date: Date, nowMs: number): string {
  const isToday = new Date(nowMs).toDateString() === date.toDateString();
  return isToday ? clock.format(date) : `${day.format(date)} ${clock.format(date)}`;
}

export function count(value: number): string {
  return number.format(value);
}

/** `1 agent`, `2 agents`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${number.format(value)} ${value === 1 ? one : many}`;
}

/** `3 d 4 h`, `12 min`, `8 s`. */
export function duration(seconds: number): string {
  if (seconds < MINUTE) return `${Math.floor(seconds)} s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h ${Math.floor((seconds % HOUR) / MINUTE)} min`;
  return `${Math.floor(seconds / DAY)} d ${Math.floor((seconds % DAY) / HOUR)} h`;
}

/** `14 days`, `36 hours`. */
export function hoursWords(hours: number): string {
  return hours % 24 === 0 ? plural(hours / 24, 'day') : plural(hours, 'hour');
}

/** What is left of a time, to the second when it is short: `1 h 05 min`, `12 min 04 s`, `8 s`. */
export function countdown(seconds: number): string {
  const left = Math.max(0, Math.floor(seconds));
  const two = (value: number): string => String(value).padStart(2, '0');
  if (left < MINUTE) return `${left} s`;
  if (left < HOUR) return `${Math.floor(left / MINUTE)} min ${two(left % MINUTE)} s`;
  if (left < DAY) return `${Math.floor(left / HOUR)} h ${two(Math.floor((left % HOUR) / MINUTE))} min`;
  return duration(left);
}

/** `$300.00` for 30000 minor units of a currency, `12 records_read` for any other unit. */
export function impactWords(unit: string, amount: number): string {
  const currency = unit.toUpperCase();
  if (!/^[A-Z]{3}$/.test(currency) || !Intl.supportedValuesOf('currency').includes(currency))
    return `${count(amount)} ${unit}`;
  const format = new Intl.NumberFormat('en-US', { style: 'currency', currency });
  return format.format(amount / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}

/** `$300.00 · 12 records_read`; undefined for a call that spends nothing. */
export function impactsWords(impact: Readonly<Record<string, number>>): string | undefined {
  const words = Object.entries(impact).map(([unit, amount]) => impactWords(unit, amount));
  return words.length === 0 ? undefined : words.join(' · ');
}

/** `deny · cap`, `review · guard`; an allow needs no class. */
export function verdictLabel(verdict: string, reasonClass: string | undefined): string {
  return verdict === 'allow' || reasonClass === undefined || reasonClass === 'granted'
    ? verdict
    : `${verdict} · ${reasonClass}`;
}

/** `key:ops` → `ops`, `breaker:probing` → `breaker probing`. */
export function actorWords(actor: string): string {
  const [kind, ...rest] = actor.split(':');
  const name = rest.join(':');
  if (name === '') return actor;
  return kind === 'key' ? name : `${kind} ${name}`;
}

/** Of `crm.read`: `crm`. One-word capabilities have none. */
export function namespaceOf(capability: string): string {
  const dot = capability.indexOf('.');
  return dot < 0 ? '' : capability.slice(0, dot);
}
