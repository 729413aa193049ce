/**
 * The evidence of one sampled row, put together from the log and what stands behind it: the action with its result, the approval
 * with what its deciders saw, the policy it was decided under, who owned the agent then, the tool's own reference, and for each
 * record the proof that it is in the signed log. What there is no record of is said.
 */
import type { EventProof, LogRecord } from '@hivekey/action-log';
import { z } from 'zod';
import { jsonObject, type jsonValue } from '../api/route.ts';
import { readWholeApproval } from '../approvals/index.ts';
import { Failure } from '../errors.ts';
import { type ReportScope, reportOf, tableOf } from '../evidence/index.ts';
import type { WorkspaceId } from '../ids.ts';
import { readSample, type SampleItemView, sampleItems, sampleItemView, sampleView } from './sample.ts';

/** Records that go with a row which is no call: of a change, an agent, a stop. */
const MAX_RECORDS = 200;

const recordSchema = z
  .object({
    event_id: z.string(),
    seq: z.int(),
    kind: z.string(),
    ts: z.string(),
    entry_hash: z.string(),
    record: jsonObject,
    proof: jsonObject
      .nullable()
      .meta({ description: 'As GET /v1/audit/events/:id/proof; null where the payload has left the log.' }),
  })
  .meta({ id: 'PackRecord' });
export type PackRecord = z.output<typeof recordSchema>;

export const packSchema = z
  .object({
    object: z.literal('evidence_pack'),
    sample: z.string(),
    report: z.string(),
    table: z.string(),
    item: z.looseObject({}),
    action: recordSchema.nullable(),
    result: recordSchema.nullable(),
    approval: z
      .object({
        id: z.string(),
        view_sha256: z.string().nullable().meta({ description: 'Of what deciders were shown, as its record has it.' }),
        view: jsonObject.nullable(),
        records: z.array(recordSchema),
      })
      .nullable(),
    policy: z
      .object({
        hash: z.string(),
        revision: z.int().nullable(),
        role: z.string().nullable(),
        role_rev: z.int().nullable(),
        rule: z.string().nullable(),
        activated: recordSchema.nullable().meta({ description: 'The record that put it in force.' }),
      })
      .nullable(),
    owner_at_time: z.string().nullable(),
    tool_reference: z.string().nullable().meta({ description: 'By which the tool itself knows the call.' }),
    records: z
      .array(recordSchema)
      .meta({ description: 'Of a row that is no call: the records about it, oldest first, at most 200.' }),
    no_record: z.array(z.string()).meta({ description: 'What there is no record of, in words.' }),
  })
  .meta({ id: 'EvidencePack' });
export type EvidencePack = z.output<typeof packSchema>;

type Context = Pick<ReportScope['context'], 'pool' | 'log' | 'approvals'>;

interface Found {
  readonly seq: number;
  readonly event_id: string;
  readonly kind: string;
  readonly ts: Date;
  readonly hash: string;
  readonly record: Record<string, z.output<typeof jsonValue>>;
}

const COLUMNS = `seq, event_id, kind, ts, 'sha256:' || encode(entry_hash, 'hex') AS hash, record`;

/** Throws `sample_not_found`, `sample_item_not_found`. */
async function readItem(
  { pool }: Pick<Context, 'pool'>,
  workspaceId: WorkspaceId,
  id: string,
  n: number,
): Promise<{ readonly report: string; readonly table: string; readonly item: SampleItemView }> {
  const { report, table } = sampleView(await readSample(pool, workspaceId, id));
  const columns = tableOf(reportOf(report), table).columns.map(({ name }) => name);
  const item = (await sampleItems(pool, workspaceId, id)).find((each) => each.n === n);
  if (item !== undefined) return { report, table, item: sampleItemView(columns, item) };
  throw new Failure(
    404,
    'sample_item_not_found',
    `The sample ${id} has no item ${n}.`,
    'List them with GET /v1/samples/:id/items.',
  );
}

/** Throws as `readItem`. */
export async function packOf(context: Context, workspaceId: WorkspaceId, id: string, n: number): Promise<EvidencePack> {
  const { report, table, item } = await readItem(context, workspaceId, id, n);
  const asked = subjectOf(item.row);
  const call = asked.eventId === undefined ? undefined : await callOf(context, workspaceId, asked.eventId);
  const approvalId = asked.approvalId ?? wordOf(call?.record.approval_id);
  const action = call === undefined ? null : await provenOf(context, workspaceId, call);
  const result = call?.kind === 'tool.call' ? await resultOf(context, workspaceId, call) : null;
  const approval = approvalId === undefined ? null : await approvalOf(context, workspaceId, approvalId);
  const policy = call === undefined ? null : await policyOf(context, workspaceId, call);
  const others = await recordsOf(context, workspaceId, asked);
  const toolReference = wordOf(result?.record.tool_reference) ?? null;
  const missing: readonly (readonly [boolean, string])[] = [
    [asked.eventId !== undefined && call === undefined, 'the entry: its payload has left the log, its hash is kept'],
    [call?.record.verdict === 'allow' && result === null, 'how the call ended'],
    [call?.record.verdict === 'allow' && toolReference === null, 'the tool’s own reference'],
    [policy !== null && policy.activated === null, 'when the policy came into force'],
    [others.length === 0 && call === undefined && approval === null, 'what the row tells of'],
  ];
  return {
    object: 'evidence_pack',
    sample: id,
    report,
    table,
    item: { ...item },
    action,
    result,
    approval,
    policy,
    owner_at_time: wordOf(call?.record.owner) ?? null,
    tool_reference: toolReference,
    records: others,
    no_record: missing.flatMap(([isMissing, what]) => (isMissing ? [what] : [])),
  };
}

interface Subject {
  readonly eventId: string | undefined;
  readonly approvalId: string | undefined;
  /** Member of records, with its value. */
  readonly about: readonly [string, string] | undefined;
}

/** Columns that name what records are about, and their member there. What a row is of stands first. */
const ABOUT = [
  ['change_id', 'change_id'],
  ['revocation_id', 'containment_id'],
  ['alert_id', 'alert_id'],
  ['incident_id', 'incident_id'],
  ['review_item_id', 'item_id'],
  ['agent_id', 'agent_id'],
] as const;

function subjectOf(row: SampleItemView['row']): Subject {
  const eventId = wordOf(row.entry_id) ?? wordOf(row.action_id) ?? wordOf(row.event_id);
  const approvalId = wordOf(row.approval_id);
  const named = ABOUT.find(([column]) => typeof row[column] === 'string');
  const value = named && wordOf(row[named[0]]);
  const isOther = eventId === undefined && approvalId === undefined && named !== undefined && value !== undefined;
  return { eventId, approvalId, about: isOther ? [named[1], value] : undefined };
}

function wordOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The entry itself; of a result, the call that it is of. */
async function callOf({ pool }: Context, workspaceId: WorkspaceId, eventId: string): Promise<Found | undefined> {
  const found = await one(pool, workspaceId, 'event_id = $2', [eventId]);
  const of = found?.kind === 'tool.result' ? wordOf(found.record.call_event_id) : undefined;
  return of === undefined ? found : ((await one(pool, workspaceId, 'event_id = $2', [of])) ?? found);
}

async function resultOf(
  context: Context,
  workspaceId: WorkspaceId,
  { event_id: id }: Found,
): Promise<PackRecord | null> {
  // What is known for certain goes before what was unknown once.
  const found = await one(
    context.pool,
    workspaceId,
    `call_event_id = $2 AND kind = 'tool.result'`,
    [id],
    `outcome = 'unknown', seq`,
  );
  return found === undefined ? null : provenOf(context, workspaceId, found);
}

async function approvalOf(context: Context, workspaceId: WorkspaceId, id: string): Promise<EvidencePack['approval']> {
  const { pool, approvals } = context;
  const found = await many(pool, workspaceId, `kind LIKE 'approval.%' AND record ->> 'approval_id' = $2`, [id]);
  const whole = await readWholeApproval(pool, approvals.vault, { workspaceId }, id).catch((error: unknown) => {
    // Of an approval that is not there any more its records are what is left.
    if (error instanceof Failure) return undefined;
    throw error;
  });
  const requested = found.find(({ kind }) => kind === 'approval.requested');
  return {
    id,
    view_sha256: wordOf(requested?.record.view) ?? null,
    view: whole === undefined ? null : plain(whole.view),
    records: await proven(context, workspaceId, found),
  };
}

async function policyOf(context: Context, workspaceId: WorkspaceId, call: Found): Promise<EvidencePack['policy']> {
  const { policy, policy_revision: revision, role, role_rev: roleRevision, rule } = call.record;
  const hash = wordOf(policy);
  if (hash === undefined) return null;
  const activated = await one(
    context.pool,
    workspaceId,
    `kind = 'policy.changed' AND record ->> 'policy' = $2 AND seq <= $3`,
    [hash, call.seq],
    'seq DESC',
  );
  return {
    hash,
    revision: typeof revision === 'number' ? revision : null,
    role: wordOf(role) ?? null,
    role_rev: typeof roleRevision === 'number' ? roleRevision : null,
    rule: wordOf(rule) ?? null,
    activated: activated === undefined ? null : await provenOf(context, workspaceId, activated),
  };
}

async function recordsOf(context: Context, workspaceId: WorkspaceId, { about }: Subject): Promise<PackRecord[]> {
  if (about === undefined) return [];
  const [member, value] = about;
  // An agent's calls are a population of their own.
  const found = await many(
    context.pool,
    workspaceId,
    `kind NOT IN ('tool.call', 'tool.result') AND record ->> '${member}' = $2`,
    [value],
  );
  return proven(context, workspaceId, found);
}

async function one(
  pool: Context['pool'],
  workspaceId: WorkspaceId,
  where: string,
  values: readonly unknown[],
  order = 'seq',
): Promise<Found | undefined> {
  const { rows } = await pool.query<Found>(
    `SELECT ${COLUMNS} FROM actions WHERE workspace_id = $1 AND ${where} ORDER BY ${order} LIMIT 1`,
    [workspaceId, ...values],
  );
  return rows[0];
}

async function many(
  pool: Context['pool'],
  workspaceId: WorkspaceId,
  where: string,
  values: readonly unknown[],
): Promise<Found[]> {
  const { rows } = await pool.query<Found>(
    `SELECT ${COLUMNS} FROM actions WHERE workspace_id = $1 AND ${where} ORDER BY seq LIMIT ${MAX_RECORDS}`,
    [workspaceId, ...values],
  );
  return rows;
}

async function proven(context: Context, workspaceId: WorkspaceId, found: readonly Found[]): Promise<PackRecord[]> {
  const records: PackRecord[] = [];
  for (const each of found) records.push(await provenOf(context, workspaceId, each));
  return records;
}

async function provenOf(
  { log }: Context,
  workspaceId: WorkspaceId,
  { ts, hash, ...found }: Found,
): Promise<PackRecord> {
  const proof = await log.prove(workspaceId, found.event_id).catch((error: unknown): EventProof | undefined => {
    if (error instanceof Failure && error.code === 'payload_absent') return undefined;
    throw error;
  });
  return { ...found, ts: ts.toISOString(), entry_hash: hash, proof: proof === undefined ? null : plain(proof) };
}

/** As JSON has it. */
function plain(value: EventProof | LogRecord | object): PackRecord['record'] {
  return JSON.parse(JSON.stringify(value));
}
