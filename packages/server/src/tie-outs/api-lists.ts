/**
 * Lists that a tool gives out over its API, page by page, in the forms that their makers document:
 * Stripe `GET /v1/balance_transactions` (docs.stripe.com/api/balance_transactions/list), Postmark `GET /messages/outbound`
 * (postmarkapp.com/developer/api/messages-api), SendGrid `GET /v3/stats` (docs.sendgrid.com, Global stats).
 */
import { createHash } from 'node:crypto';
import type { Period } from '@hivekey/evidence';
import { z } from 'zod';
import { Failure } from '../errors.ts';
import type { Secret } from '../secret.ts';
import type { Exchange, JsonFetcher } from './fetch.ts';
import { MAX_ROWS, type ToolList, type ToolRow, timeOf } from './rows.ts';

export interface ApiList {
  /** Origin, where nothing else is said. */
  readonly origin: string;
  readonly read: (fetcher: JsonFetcher, secret: Secret, period: Period) => Promise<ToolList>;
}

export const API_LISTS = {
  stripe: { origin: 'https://api.stripe.com', read: readStripe },
  postmark: { origin: 'https://api.postmarkapp.com', read: readPostmark },
  sendgrid: { origin: 'https://api.sendgrid.com', read: readSendGrid },
} as const satisfies Readonly<Record<string, ApiList>>;

/** What moves money; fees, adjustments and the like do not come from a call. */
const STRIPE_TYPES = new Set(['charge', 'payment', 'payout', 'transfer', 'refund', 'payment_refund']);
const STRIPE_PAGE = 100;
const POSTMARK_PAGE = 500;
/** Postmark gives out no more of one search. */
const POSTMARK_MOST = 10_000;

const transactions = z.object({
  data: z.array(
    z.object({
      id: z.string().max(255),
      source: z.string().max(255).nullable().optional(),
      amount: z.int(),
      currency: z.string().length(3),
      created: z.int(),
      type: z.string().max(64),
      status: z.string().max(64),
    }),
  ),
  has_more: z.boolean(),
});

async function readStripe(fetcher: JsonFetcher, secret: Secret, { from, to }: Period): Promise<ToolList> {
  const collected = new Collected();
  const query = new URLSearchParams({
    limit: String(STRIPE_PAGE),
    'created[gte]': String(Math.ceil(Date.parse(from) / 1000)),
    'created[lt]': String(Math.ceil(Date.parse(to) / 1000)),
  });
  for (;;) {
    const exchange = await fetcher.get(`/v1/balance_transactions?${query}`, {
      authorization: `Bearer ${secret.reveal()}`,
    });
    const page = parsed(transactions, exchange);
    collected.add(
      exchange,
      page.data.map(({ id, source, amount, currency, created, type, status }) => ({
        at: timeOf(created) ?? null,
        reference: source ?? id,
        aliases: [id],
        type,
        status,
        amountMinor: Math.abs(amount),
        currency: currency.toUpperCase(),
        quantity: 1,
        leftOut: STRIPE_TYPES.has(type) ? undefined : `type ${type}`,
      })),
    );
    const last = page.data.at(-1);
    if (!page.has_more || last === undefined) return collected.list('rows');
    if (query.get('starting_after') === last.id) throw unusable('the list goes round in a circle');
    query.set('starting_after', last.id);
  }
}

const messages = z.object({
  TotalCount: z.int().min(0),
  Messages: z.array(
    z.object({ MessageID: z.string().max(255), ReceivedAt: z.string().max(64), Status: z.string().max(64) }),
  ),
});

async function readPostmark(fetcher: JsonFetcher, secret: Secret, { from, to }: Period): Promise<ToolList> {
  const collected = new Collected();
  // Days of the provider's own time zone; what lies outside the period is left out where it is compared.
  const days = { fromdate: dayOf(Date.parse(from) - DAY_MS), todate: dayOf(Date.parse(to) + DAY_MS) };
  for (let offset = 0; ; offset += POSTMARK_PAGE) {
    const query = new URLSearchParams({ count: String(POSTMARK_PAGE), offset: String(offset), ...days });
    const exchange = await fetcher.get(`/messages/outbound?${query}`, { 'x-postmark-server-token': secret.reveal() });
    const { TotalCount: total, Messages: page } = parsed(messages, exchange);
    if (total > POSTMARK_MOST)
      throw unusable(
        `it has ${total} messages, and gives out ${POSTMARK_MOST} of one search: ask for a shorter period`,
      );
    collected.add(
      exchange,
      page.map(({ MessageID, ReceivedAt, Status }) => ({
        at: timeOf(ReceivedAt) ?? null,
        reference: MessageID,
        aliases: [],
        type: 'message',
        status: Status,
        amountMinor: null,
        currency: null,
        quantity: 1,
      })),
    );
    if (page.length === 0 || offset + page.length >= total) return collected.list('rows');
  }
}

const stats = z.array(
  z.object({
    date: z.iso.date(),
    stats: z.array(z.object({ metrics: z.object({ requests: z.int().min(0) }) })),
  }),
);

async function readSendGrid(fetcher: JsonFetcher, secret: Secret, { from, to }: Period): Promise<ToolList> {
  const collected = new Collected();
  const query = new URLSearchParams({
    start_date: dayOf(Date.parse(from)),
    end_date: dayOf(Date.parse(to) - 1),
    aggregated_by: 'day',
  });
  const exchange = await fetcher.get(`/v3/stats?${query}`, { authorization: `Bearer ${secret.reveal()}` });
  collected.add(
    exchange,
    parsed(stats, exchange).map(({ date, stats: parts }) => ({
      at: `${date}T00:00:00.000Z`,
      reference: null,
      aliases: [],
      type: 'requests',
      status: '',
      amountMinor: null,
      currency: null,
      quantity: parts.reduce((sum, { metrics }) => sum + metrics.requests, 0),
    })),
  );
  return collected.list('day');
}

const DAY_MS = 86_400_000;

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** Rows with the hash of the pages they stood on. */
class Collected {
  readonly #digest = createHash('sha256');
  readonly #rows: ToolRow[] = [];
  #bytes = 0;

  add({ body }: Exchange, rows: readonly ToolRow[]): void {
    this.#digest.update(body);
    this.#bytes += body.length;
    for (const row of rows) this.#rows.push(row);
    if (this.#rows.length > MAX_ROWS) throw unusable(`it has more than ${MAX_ROWS} rows: ask for a shorter period`);
  }

  list(kind: ToolList['kind']): ToolList {
    return { rows: this.#rows, sha256: this.#digest.digest('hex'), bytes: this.#bytes, kind };
  }
}

function parsed<Schema extends z.ZodType>(schema: Schema, { json }: Exchange): z.output<Schema> {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw unusable(`its answer has another form at ${issue?.path.join('.') || 'its top'}`);
}

function unusable(why: string): Failure {
  return new Failure(
    502,
    'tie_out_list_unusable',
    `The tool’s list cannot be used: ${why}.`,
    'Import its export as CSV instead.',
  );
}
