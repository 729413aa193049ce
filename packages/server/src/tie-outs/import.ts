/** Imports a tool's own list and holds the log against it. What was read and what was found are kept as they are, for good. */
import type { Period } from '@hivekey/evidence';
import type { Pool } from 'pg';
import { z } from 'zod';
import type { Administrator, ApiContext } from '../api/route.ts';
import { rulesFor } from '../delivery/index.ts';
import { Failure } from '../errors.ts';
import { periodOf } from '../evidence/index.ts';
import { newId, type WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import type { Secret } from '../secret.ts';
import { parseCredentialRef } from '../upstreams/index.ts';
import { API_LISTS } from './api-lists.ts';
import { type Comparison, compare } from './compare.ts';
import { CSV_MAPPINGS, listOfCsv } from './csv-lists.ts';
import { fetcherOf } from './fetch.ts';
import { ownCalls } from './own-calls.ts';
import type { ToolList, ToolRow } from './rows.ts';
import { readTieOut, type TieOutView } from './tie-out.ts';

/** Of a file in a request. */
export const MAX_FILE_BYTES = 32 * 1024 * 1024;
/** More than these is a list of something else, or read in the wrong way. */
const MAX_DIFFERENCES = 10_000;
const ROWS_AT_ONCE = 5_000;

const column = z.string().min(1).max(200);
const content = z.string().min(1).max(MAX_FILE_BYTES).meta({ description: 'The file, as text.' });
const file = z.string().max(200).optional().meta({ description: 'Its name.' });
const credential = z.string().min(1).max(512).meta({ description: 'A reference such as vault://stripe-read.' });
const url = z.url().max(2_048).optional().meta({ description: 'Where its API is, if not where it usually is.' });

const sourceSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('csv'),
    content,
    file,
    mapping: z
      .strictObject({
        time: column.optional(),
        reference: column.optional(),
        aliases: z.array(column).max(10).optional(),
        type: column.optional(),
        status: column.optional(),
        amount: column.optional(),
        minor: z.boolean().optional().meta({ description: 'The amount is in minor units.' }),
        currency: column.optional(),
        fixed_currency: z
          .string()
          .regex(/^[A-Z]{3}$/)
          .optional(),
        types: z.array(z.string().max(200)).max(50).optional().meta({ description: 'Which count; all when absent.' }),
        statuses: z
          .array(z.string().max(200))
          .max(50)
          .optional()
          .meta({ description: 'Which count; all when absent.' }),
      })
      .meta({ description: 'Which column has what.' }),
  }),
  z.strictObject({ kind: z.enum(['stripe_csv', 'sendgrid_csv', 'postmark_csv']), content, file }),
  z.strictObject({ kind: z.enum(['stripe', 'sendgrid', 'postmark']), credential, url }),
]);
type Source = z.output<typeof sourceSchema>;

export const newTieOutSchema = z
  .strictObject({
    tool: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,62}$/)
      .meta({
        description: 'Namespace of the MCP server or HTTP API, or the first part of the names of an agent’s own tools.',
      }),
    capabilities: z
      .array(z.string().min(1).max(202))
      .max(100)
      .default([])
      .meta({ description: 'Absent: all of the tool.' }),
    from: z.iso.datetime({ offset: true }).meta({ description: 'Inclusive.' }),
    to: z.iso.datetime({ offset: true }).meta({ description: 'Exclusive; not in the future.' }),
    source: sourceSchema,
    reason: z.string().trim().max(2_000).default(''),
  })
  .meta({ id: 'NewTieOut' });
export type NewTieOut = z.output<typeof newTieOutSchema>;

type Context = Pick<ApiContext, 'pool' | 'log' | 'secrets' | 'config' | 'version' | 'clock'>;

/**
 * Throws `period_invalid`, `period_not_over`, `tie_out_csv_invalid`, `tie_out_column_missing`, `tie_out_url_refused`,
 * `tie_out_unreachable`, `tie_out_refused`, `tie_out_list_unusable`, `tie_out_too_large`, `tie_out_too_different`,
 * `credential_ref_invalid`, `credential_unavailable`.
 */
export async function importTieOut(context: Context, who: Administrator, wanted: NewTieOut): Promise<TieOutView> {
  const { pool, log, clock } = context;
  const { workspaceId } = who;
  const period = periodOf(wanted.from, wanted.to, clock());
  if (Date.parse(period.to) > clock())
    throw new Failure(
      409,
      'period_not_over',
      'That period is not over.',
      'Compare what is over: what comes later would differ.',
    );
  const list = within(await listOf(context, workspaceId, wanted.source, period), period);
  await log.catchUp(workspaceId);
  const throughSeq = await log.size(workspaceId);
  const calls = await ownCalls(pool, workspaceId, wanted.tool, wanted.capabilities, period);
  const comparison = compare(calls, list);
  if (comparison.differences.length > MAX_DIFFERENCES)
    throw new Failure(
      422,
      'tie_out_too_different',
      `There are ${comparison.differences.length} differences: the list is of something else, or read in the wrong way.`,
      'Look at the mapping, at the types that count and at the capabilities; or compare shorter periods.',
    );
  const id = newId<string>('tie');
  await keepRows(pool, workspaceId, id, list.rows);
  await log.transact(workspaceId, (transaction) =>
    keep(transaction, who, { id, wanted, period, list, throughSeq, comparison }),
  );
  return readTieOut(pool, workspaceId, id);
}

async function listOf(context: Context, workspaceId: WorkspaceId, source: Source, period: Period): Promise<ToolList> {
  switch (source.kind) {
    case 'csv': {
      const { fixed_currency: fixedCurrency, ...mapping } = source.mapping;
      return listOfCsv(source.content, { ...mapping, fixedCurrency });
    }
    case 'stripe_csv':
    case 'sendgrid_csv':
    case 'postmark_csv':
      return listOfCsv(source.content, CSV_MAPPINGS[source.kind]);
    default: {
      const { origin, read } = API_LISTS[source.kind];
      const rules = rulesFor(context.config.upstream_allow);
      const fetcher = fetcherOf(source.url ?? origin, rules, `HiveKey/${context.version}`);
      try {
        return await read(fetcher, await credentialOf(context, workspaceId, source.credential), period);
      } finally {
        await fetcher.close();
      }
    }
  }
}

/** Throws `credential_ref_invalid`, `credential_unavailable`. */
async function credentialOf({ secrets }: Context, workspaceId: WorkspaceId, ref: string): Promise<Secret> {
  // What is no reference may be the credential itself, and is not repeated.
  parseCredentialRef(ref);
  try {
    return await secrets.resolve(workspaceId, ref);
  } catch (error) {
    const isUnavailable = error instanceof Error && 'code' in error && error.code === 'credential_unavailable';
    if (error instanceof Failure || !isUnavailable) throw error;
    throw new Failure(
      400,
      'credential_unavailable',
      `The credential ${ref} cannot be had: ${error.message}.`,
      'Store it with PUT /v1/secrets/:name, or have an operator allow it.',
    );
  }
}

/** What the tool dates outside the period does not count. */
function within(list: ToolList, { from, to }: Period): ToolList {
  const rows = list.rows.map((row) =>
    row.leftOut !== undefined || row.at === null || (row.at >= from && row.at < to)
      ? row
      : { ...row, leftOut: 'outside the period' },
  );
  return { ...list, rows };
}

async function keepRows(pool: Pool, workspaceId: WorkspaceId, id: string, rows: readonly ToolRow[]): Promise<void> {
  for (let at = 0; at < rows.length; at += ROWS_AT_ONCE) {
    const some = rows.slice(at, at + ROWS_AT_ONCE).map((row, index) => ({
      n: at + index + 1,
      at: row.at,
      reference: row.reference,
      aliases: row.aliases,
      type: row.type,
      status: row.status,
      amount_minor: row.amountMinor,
      currency: row.currency,
      quantity: row.quantity,
      left_out: row.leftOut ?? null,
    }));
    await pool.query(
      `INSERT INTO tie_out_rows (workspace_id, tie_out_id, n, at, reference, aliases, type, status, amount_minor, currency, quantity, left_out)
       SELECT $1, $2, r.n, r.at, r.reference, ARRAY(SELECT jsonb_array_elements_text(r.aliases)), r.type, r.status, r.amount_minor, r.currency,
              r.quantity, r.left_out
         FROM jsonb_to_recordset($3::jsonb) AS r (n integer, at timestamptz, reference text, aliases jsonb, type text, status text,
                                                  amount_minor bigint, currency text, quantity bigint, left_out text)`,
      [workspaceId, id, JSON.stringify(some).replaceAll('\\u0000', '\\ufffd')],
    );
  }
}

interface Imported {
  readonly id: string;
  readonly wanted: NewTieOut;
  readonly period: Period;
  readonly list: ToolList;
  readonly throughSeq: number;
  readonly comparison: Comparison;
}

/** Without the file itself, and without the credential behind the reference. */
function sourceOf(source: Source): Record<string, unknown> {
  if ('content' in source) {
    const { content: _, ...rest } = source;
    return rest;
  }
  return { ...source, url: source.url ?? API_LISTS[source.kind].origin };
}

async function keep(
  { client, log, now }: LoggedTransaction,
  { workspaceId, actor, person }: Administrator,
  { id, wanted, period, list, throughSeq, comparison }: Imported,
): Promise<void> {
  const { tool, capabilities, reason } = wanted;
  const { comparedBy, matched, ours, theirs, differences } = comparison;
  const leftOut = new Map<string, number>();
  for (const row of list.rows)
    if (row.leftOut !== undefined) leftOut.set(row.leftOut, (leftOut.get(row.leftOut) ?? 0) + 1);
  const counted = list.rows.filter((row) => row.leftOut === undefined).length;
  const source = sourceOf(wanted.source);
  const eventId = log({
    kind: 'tie_out.imported',
    actor,
    tie_out_id: id,
    tool,
    capabilities,
    from: period.from,
    to: period.to,
    source,
    sha256: list.sha256,
    bytes: list.bytes,
    rows: list.rows.length,
    rows_counted: counted,
    through_seq: throughSeq,
    compared_by: comparedBy,
    matched,
    ours,
    theirs,
    differences: differences.length,
    person: person?.email,
    reason,
  });
  await client.query(
    `INSERT INTO tie_outs (workspace_id, id, tool, capabilities, period_from, period_to, source, sha256, bytes, rows_count, rows_counted,
                           left_out, through_seq, compared_by, matched, totals, differences, reason, imported_by, person, imported_at, event_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)`,
    [
      ...[workspaceId, id, tool, capabilities, period.from, period.to, JSON.stringify(source), list.sha256, list.bytes],
      ...[
        list.rows.length,
        counted,
        JSON.stringify(Object.fromEntries([...leftOut].sort())),
        throughSeq,
        comparedBy,
        matched,
      ],
      ...[JSON.stringify({ ours, theirs }), differences.length, reason, actor, person?.email ?? null, now, eventId],
    ],
  );
  const found = differences.map((each, at) => ({
    id: newId<string>('tdf'),
    n: at + 1,
    kind: each.kind,
    reference: each.reference,
    call_event_id: each.callEventId,
    at: each.at,
    currency: each.currency,
    ours_minor: each.oursMinor,
    theirs_minor: each.theirsMinor,
    ours_count: each.oursCount,
    theirs_count: each.theirsCount,
    words: each.words,
  }));
  await client.query(
    `INSERT INTO tie_out_differences (workspace_id, tie_out_id, id, n, kind, reference, call_event_id, at, currency, ours_minor, theirs_minor,
                                      ours_count, theirs_count, words)
     SELECT $1, $2, d.id, d.n, d.kind, d.reference, d.call_event_id, d.at, d.currency, d.ours_minor, d.theirs_minor, d.ours_count,
            d.theirs_count, d.words
       FROM jsonb_to_recordset($3::jsonb) AS d (id text, n integer, kind text, reference text, call_event_id text, at timestamptz, currency text,
                                                ours_minor bigint, theirs_minor bigint, ours_count bigint, theirs_count bigint, words text)`,
    [workspaceId, id, JSON.stringify(found).replaceAll('\\u0000', '\\ufffd')],
  );
}
