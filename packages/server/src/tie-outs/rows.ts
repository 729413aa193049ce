/** What a tool itself says was done, in one form whichever tool it is. */

export interface ToolRow {
  /** ISO 8601 UTC; null where the tool does not say. */
  readonly at: string | null;
  readonly reference: string | null;
  /** Other names of the same thing, by which a call may know it. */
  readonly aliases: readonly string[];
  readonly type: string;
  readonly status: string;
  /** Without a sign. */
  readonly amountMinor: number | null;
  readonly currency: string | null;
  /** Above 1 only of totals. */
  readonly quantity: number;
  /** Why it does not count as something that was done; undefined where it does. */
  readonly leftOut?: string | undefined;
}

/** What was read, and the hash of its bytes. */
export interface ToolList {
  readonly rows: readonly ToolRow[];
  readonly sha256: string;
  readonly bytes: number;
  /** `day`: totals of days, by which nothing can be found one by one. */
  readonly kind: 'rows' | 'day';
}

/** Rows of one import. */
export const MAX_ROWS = 200_000;

/** ISO 8601 of what tools write for times: seconds of the epoch, or a date that says its zone or is UTC; undefined for anything else. */
export function timeOf(value: string | number): string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? iso(value * 1000) : undefined;
  const text = value.trim();
  if (/^\d{9,11}$/.test(text)) return iso(Number(text) * 1000);
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) return iso(Date.parse(`${text}T00:00:00Z`));
  const plain = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)( ?UTC)?$/.exec(text);
  if (plain !== null) return iso(Date.parse(`${plain[1]}T${plain[2]}Z`));
  return /^\d{4}-\d{2}-\d{2}T.*(?:Z|[+-]\d{2}:?\d{2})$/.test(text) ? iso(Date.parse(text)) : undefined;
}

function iso(ms: number): string | undefined {
  return Number.isFinite(ms) && Math.abs(ms) < 8.64e15 ? new Date(ms).toISOString() : undefined;
}

/** `1,234.56`, `-12.3` → minor units without the sign; undefined where it is no amount, or has more decimals than the currency. */
export function minorOf(text: string, exponent: number): number | undefined {
  const plain = text.trim().replace(/^[-+]/, '');
  const match = /^(\d{1,12}|\d{1,3}(?:,\d{3}){1,3})(?:\.(\d{1,6}))?$/.exec(plain);
  if (match === null) return undefined;
  const fraction = (match[2] ?? '').replace(/0+$/, '');
  if (fraction.length > exponent) return undefined;
  const minor = Number(`${(match[1] ?? '').replaceAll(',', '')}${fraction.padEnd(exponent, '0')}`);
  return Number.isSafeInteger(minor) ? minor : undefined;
}
