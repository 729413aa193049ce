/** Lists that a tool gives out as CSV: a generic mapping of columns, and the mappings of well-known ones. Pure. */
import { hash } from 'node:crypto';
import { exponentOf } from '@hivekey/policy';
import { Failure } from '../errors.ts';
import { type CsvRow, readCsv } from './csv.ts';
import { MAX_ROWS, minorOf, type ToolList, type ToolRow, timeOf } from './rows.ts';

/** Which column has what. */
export interface CsvMapping {
  readonly time?: string | undefined;
  readonly reference?: string | undefined;
  readonly aliases?: readonly string[] | undefined;
  readonly type?: string | undefined;
  readonly status?: string | undefined;
  readonly amount?: string | undefined;
  /** The amount is in minor units. */
  readonly minor?: boolean | undefined;
  readonly currency?: string | undefined;
  /** Of a list in one currency. */
  readonly fixedCurrency?: string | undefined;
  /** Which values of the type, and of the status, count; all where nothing is said. Case does not matter. */
  readonly types?: readonly string[] | undefined;
  readonly statuses?: readonly string[] | undefined;
}

/** The exports as their makers document them; names of columns are compared without case, spaces and signs. */
export const CSV_MAPPINGS = {
  /** Stripe: Balance transactions (Payments → Transactions → Export, or the report `balance_change_from_activity.itemized`). */
  stripe_csv: {
    time: 'created_utc|created|Created (UTC)',
    reference: 'source_id|source|Source|charge_id',
    aliases: ['balance_transaction_id|id', 'charge_id', 'payment_intent_id'],
    type: 'reporting_category|type|Type',
    amount: 'gross|amount|Amount',
    currency: 'currency|Currency',
    types: ['charge', 'payment', 'payout', 'transfer', 'refund', 'payment_refund'],
  },
  /** SendGrid: Email Activity export. A message counts once it was handed on, whatever became of it there. */
  sendgrid_csv: {
    time: 'processed|last_event_time',
    reference: 'message_id|msg_id|sg_message_id',
    status: 'event|status',
    statuses: ['processed', 'delivered', 'open', 'click', 'bounce', 'deferred', 'spamreport', 'unsubscribe'],
  },
  /** Postmark: Activity export. */
  postmark_csv: {
    time: 'ReceivedAt|Date|received_at',
    reference: 'MessageID|message_id',
    status: 'Status|Type',
  },
} as const satisfies Readonly<Record<string, CsvMapping>>;

/** Throws `tie_out_csv_invalid`, `tie_out_column_missing`. */
export function listOfCsv(text: string, mapping: CsvMapping): ToolList {
  const csv = readCsv(text, MAX_ROWS);
  if (!csv.ok)
    throw new Failure(
      422,
      'tie_out_csv_invalid',
      `The file cannot be read: ${csv.why}.`,
      'Export it again as CSV (RFC 4180, UTF-8).',
    );
  const column = columnsIn(csv.header);
  const at = {
    time: column(mapping.time, 'time'),
    reference: column(mapping.reference, 'reference'),
    type: column(mapping.type, 'type'),
    status: column(mapping.status, 'status'),
    amount: column(mapping.amount, 'amount'),
    currency: column(mapping.currency, 'currency'),
  };
  const aliases = (mapping.aliases ?? []).flatMap((names) => columnIn(csv.header, names) ?? []);
  const rows = csv.rows.map((row, index) => rowOf(row, at, aliases, mapping, index + 1));
  return { rows, sha256: hash('sha256', text), bytes: Buffer.byteLength(text), kind: 'rows' };
}

type Columns = Readonly<Record<'time' | 'reference' | 'type' | 'status' | 'amount' | 'currency', string | undefined>>;

function rowOf(row: CsvRow, at: Columns, aliases: readonly string[], mapping: CsvMapping, n: number): ToolRow {
  const value = (column: string | undefined): string => (column === undefined ? '' : (row.get(column) ?? '').trim());
  const currency = (value(at.currency) || (mapping.fixedCurrency ?? '')).toUpperCase();
  const [time, amount, type, status] = [value(at.time), value(at.amount), value(at.type), value(at.status)];
  const exponent = currency === '' ? undefined : exponentOf(currency);
  const amountMinor =
    amount === '' ? undefined : mapping.minor === true ? minorOf(amount, 0) : minorOf(amount, exponent ?? 0);
  if (amount !== '' && (amountMinor === undefined || exponent === undefined))
    throw new Failure(
      422,
      'tie_out_csv_invalid',
      `Row ${n} has no amount of money: "${amount.slice(0, 40)}" in "${currency.slice(0, 10)}".`,
      'Give currency (ISO 4217), and minor: true where amounts are in minor units.',
    );
  const instant = time === '' ? undefined : timeOf(time);
  if (time !== '' && instant === undefined)
    throw new Failure(
      422,
      'tie_out_csv_invalid',
      `Row ${n} has no time: "${time.slice(0, 40)}".`,
      'Export times in UTC, as ISO 8601 or seconds of the epoch.',
    );
  return {
    at: instant ?? null,
    reference: value(at.reference) || null,
    aliases: [...new Set(aliases.map(value))].filter((alias) => alias !== ''),
    type,
    status,
    amountMinor: amountMinor ?? null,
    currency: amountMinor === undefined ? null : currency,
    quantity: 1,
    leftOut: leftOut(type, mapping.types, 'type') ?? leftOut(status, mapping.statuses, 'status'),
  };
}

function leftOut(value: string, wanted: readonly string[] | undefined, what: string): string | undefined {
  if (wanted === undefined || value === '') return undefined;
  return wanted.some((each) => each.toLowerCase() === value.toLowerCase())
    ? undefined
    : `${what} ${value.slice(0, 60)}`;
}

/** Throws `tie_out_column_missing` for one that is named and not there. */
function columnsIn(header: readonly string[]): (names: string | undefined, what: string) => string | undefined {
  return (names, what) => {
    if (names === undefined) return undefined;
    const found = columnIn(header, names);
    if (found !== undefined) return found;
    throw new Failure(
      422,
      'tie_out_column_missing',
      `The file has no column ${names.replaceAll('|', ' or ')} for the ${what}; it has ${header.slice(0, 20).join(', ')}.`,
      'Name the columns of the file in the mapping.',
    );
  };
}

/** The first of the alternatives that is there. */
function columnIn(header: readonly string[], names: string): string | undefined {
  const plain = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  for (const name of names.split('|')) {
    const found = header.find((each) => plain(each) === plain(name));
    if (found !== undefined) return found;
  }
  return undefined;
}
