/** Item 4 of the evidence: the record of access reviews that ran in a period, as it was known before its end. */
import { createHash } from 'node:crypto';
import { parseJson } from '@hivekey/action-log';
import { type Row, signOffDocument, type TableShape } from '@hivekey/evidence';
import { z } from 'zod';
import {
  type Attachment,
  endOf,
  pdfOf,
  population,
  type Report,
  type ReportContent,
  type ReportScope,
} from '../evidence/index.ts';
import { campaignBefore, standingBefore } from './as-of.ts';
import {
  AFTER_SNAPSHOT,
  CAMPAIGNS,
  DECISIONS,
  ITEMS,
  POPULATION,
  QUALITY_CHECK,
  RECONCILIATIONS,
  REMEDIATION,
  SIGNATURES,
} from './evidence-tables.ts';
import { decidersOf, gatesOf, isSelfReviewed, readStanding, type Standing } from './gates.ts';
import { current, outcomeOf } from './outcome.ts';
import { policyDocument } from './policy.ts';
import { frozenOf, readPopulation } from './read.ts';
import { CAMPAIGN, type CampaignRow, type ItemRow, isOpen, type RemediationRow } from './rows.ts';
import type { SignatureRow } from './signatures.ts';
import { lateness } from './view.ts';

const TABLES = [
  CAMPAIGNS,
  ITEMS,
  POPULATION,
  DECISIONS,
  REMEDIATION,
  RECONCILIATIONS,
  QUALITY_CHECK,
  AFTER_SNAPSHOT,
  SIGNATURES,
];

const RAN = `c.workspace_id = $1 AND c.snapshot_at < $3 AND coalesce(c.closed_at, c.voided_at, 'infinity') >= $2`;

const QUERY = `SELECT ${CAMPAIGN}
  FROM review_campaigns c WHERE ${RAN} ORDER BY c.snapshot_at, c.id`;

const COUNTS = `
SELECT count(*) AS campaigns, coalesce(sum((SELECT count(*) FROM review_items i WHERE i.workspace_id = c.workspace_id AND i.campaign_id = c.id)), 0)::bigint AS items,
       coalesce(sum((SELECT count(*) FROM review_decisions d WHERE d.workspace_id = c.workspace_id AND d.campaign_id = c.id AND d.decided_at < $3)), 0)::bigint AS decisions,
       coalesce(sum((SELECT count(*) FROM review_remediations r WHERE r.workspace_id = c.workspace_id AND r.campaign_id = c.id AND r.opened_at < $3)), 0)::bigint AS remediations,
       coalesce(sum((SELECT count(*) FROM review_signatures s WHERE s.workspace_id = c.workspace_id AND s.campaign_id = c.id AND s.signed_at < $3)), 0)::bigint AS signatures
  FROM review_campaigns c WHERE ${RAN}`;

/** Of campaigns that run in the period, records of the log from before its end. */
const LOGGED = `
SELECT count(*) FILTER (WHERE e.kind = 'review.launched') AS campaigns, count(*) FILTER (WHERE e.kind = 'review.decided') AS decisions,
       count(*) FILTER (WHERE e.kind = 'review.remediation' AND e.record ->> 'change' = 'opened') AS remediations,
       count(*) FILTER (WHERE e.kind = 'review.signed') AS signatures
  FROM actions e
 WHERE e.workspace_id = $1 AND e.kind LIKE 'review.%' AND e.ts < $3
   AND e.record ->> 'campaign' IN (SELECT c.id FROM review_campaigns c WHERE ${RAN})`;

export const accessReviewReport: Report = {
  id: 'access-reviews',
  folder: '04_access-review',
  item: 4,
  title: 'Access reviews',
  about:
    'Each review that ran in the period: the population that was frozen when it began, who reviewed what and why it was theirs, each decision with its reason and time, and for each change the state that was read again afterwards. The population is hashed, and the hash is on the log; nothing of a review can be deleted.',
  controls: ['AG-05'],
  tables: TABLES,
  query: QUERY,
  pdf: true,
  read,
  about_parameters: async ({ client, workspaceId, period, asOf }) => {
    const { rows } = await client.query<{ version: number; document: unknown }>(
      `SELECT version, document FROM review_policies WHERE workspace_id = $1 AND created_at < $2 ORDER BY version DESC LIMIT 1`,
      [workspaceId, endOf(period, asOf)],
    );
    const [row] = rows;
    if (row === undefined) return { policy_version: 0 };
    const { cycle, due_days: dueDays, silence, remediation_days: days } = policyDocument.parse(row.document);
    return { policy_version: row.version, cycle, due_days: dueDays, silence, remediation_business_days: { ...days } };
  },
};

interface Campaign {
  readonly campaign: CampaignRow;
  readonly standing: Standing;
  readonly document: string;
  readonly after: readonly AfterRow[];
  readonly reminders: number;
}

async function read(scope: ReportScope): Promise<ReportContent> {
  const { client, workspaceId, period, asOf } = scope;
  const end = endOf(period, asOf);
  const values = [workspaceId, period.from, end];
  const { rows: found } = await client.query<CampaignRow>(QUERY, values);
  const campaigns = found.map((row) =>
    campaignBefore({ ...row, policy: policyDocument.parse(row.policy) }, new Date(end)),
  );
  const readCampaign = readingOnce(scope, new Date(end));
  const each = (rowsOf: (of: Campaign) => Iterable<object>): AsyncIterable<object> =>
    rowsOfEach(readCampaign, campaigns, rowsOf);
  const of = (shape: TableShape, rowsOf: (campaign: Campaign) => Iterable<object>, count: readonly string[] = []) =>
    population(shape, each(rowsOf), { count: [...count] });
  const read_ = {
    campaigns: of(CAMPAIGNS, (campaign) => [campaignOf(campaign, new Date(end))], ['status']),
    items: of(ITEMS, (campaign) => campaign.standing.items.map((item) => itemOf(campaign, item, new Date(end))), [
      'item_type',
      'decision',
    ]),
    population: of(POPULATION, frozenItems, ['item_type']),
    decisions: of(DECISIONS, decisionsOf, ['decision']),
    remediation: of(REMEDIATION, (campaign) => remediationsOf(campaign, new Date(end)), ['kind']),
    reconciliations: of(
      RECONCILIATIONS,
      ({ campaign, document }) =>
        frozenOf(document).reconciliations.map((row) => ({ campaign_id: campaign.id, ...row })),
      ['kind'],
    ),
    quality: of(QUALITY_CHECK, rechecksOf, ['result']),
    after: of(AFTER_SNAPSHOT, ({ campaign, after }) => after.map((row) => ({ campaign_id: campaign.id, ...row })), [
      'item_type',
    ]),
    signatures: of(SIGNATURES, ({ standing }) => standing.signatures.map(signatureOf), ['capacity']),
  };
  return {
    rows: {
      [CAMPAIGNS.name]: read_.campaigns.rows,
      [ITEMS.name]: read_.items.rows,
      [POPULATION.name]: read_.population.rows,
      [DECISIONS.name]: read_.decisions.rows,
      [REMEDIATION.name]: read_.remediation.rows,
      [RECONCILIATIONS.name]: read_.reconciliations.rows,
      [QUALITY_CHECK.name]: read_.quality.rows,
      [AFTER_SNAPSHOT.name]: read_.after.rows,
      [SIGNATURES.name]: read_.signatures.rows,
    } satisfies Record<string, AsyncIterable<Row>>,
    facts: async () => {
      const { rows: stored } = await client.query<Record<string, number>>(COUNTS, values);
      const { rows: logged } = await client.query<Record<string, number>>(LOGGED, values);
      const database = (what: string): number => stored[0]?.[what] ?? 0;
      const log = (what: string): number => logged[0]?.[what] ?? 0;
      return {
        [CAMPAIGNS.name]: read_.campaigns.facts({ database: database('campaigns'), log: log('campaigns') }),
        [ITEMS.name]: read_.items.facts({ database: database('items') }),
        [POPULATION.name]: read_.population.facts({ database: database('items') }),
        [DECISIONS.name]: read_.decisions.facts({ database: database('decisions'), log: log('decisions') }),
        [REMEDIATION.name]: read_.remediation.facts({ database: database('remediations'), log: log('remediations') }),
        [RECONCILIATIONS.name]: read_.reconciliations.facts({}),
        [QUALITY_CHECK.name]: read_.quality.facts({}),
        [AFTER_SNAPSHOT.name]: read_.after.facts({}),
        [SIGNATURES.name]: read_.signatures.facts({ database: database('signatures'), log: log('signatures') }),
      };
    },
    attachments: () => attachments(scope, campaigns, new Date(end)),
  };
}

async function readOne({ client, workspaceId }: ReportScope, campaign: CampaignRow, end: Date): Promise<Campaign> {
  const { rows: reminders } = await client.query<{ count: number }>(
    'SELECT count(*)::int AS count FROM review_reminders WHERE workspace_id = $1 AND campaign_id = $2 AND at < $3',
    [workspaceId, campaign.id, end],
  );
  return {
    campaign,
    standing: standingBefore(await readStanding(client, workspaceId, campaign.id), end),
    document: await readPopulation(client, workspaceId, campaign.id),
    after: await afterSnapshot({ client, workspaceId }, campaign, end),
    reminders: reminders[0]?.count ?? 0,
  };
}

/** Each campaign is read once for all tables: they are the few that ran in a period. */
function readingOnce(scope: ReportScope, end: Date): (campaign: CampaignRow) => Promise<Campaign> {
  const known = new Map<string, Promise<Campaign>>();
  return (campaign) => {
    const found = known.get(campaign.id) ?? readOne(scope, campaign, end);
    known.set(campaign.id, found);
    return found;
  };
}

async function* rowsOfEach(
  readCampaign: (campaign: CampaignRow) => Promise<Campaign>,
  campaigns: readonly CampaignRow[],
  rowsOf: (of: Campaign) => Iterable<object>,
): AsyncGenerator<object, void, undefined> {
  for (const campaign of campaigns) yield* rowsOf(await readCampaign(campaign));
}

interface AfterRow {
  readonly item_type: string;
  readonly subject: string;
  readonly agent_id: string | null;
  readonly role: string | null;
  readonly created_at: Date;
  readonly created_by: string;
  readonly plan: string;
}

/** $1 workspace, $2 the snapshot, $3 the close, or the end of the period. */
const AFTER = `
SELECT 'assignment' AS item_type, 'assignment:' || h.agent_id || ':' || h.role AS subject, h.agent_id, h.role, h.granted_at AS created_at, h.granted_by AS created_by
  FROM agent_role_history h JOIN agents a ON a.workspace_id = h.workspace_id AND a.id = h.agent_id AND a.rehearsal_id IS NULL
 WHERE h.workspace_id = $1 AND h.granted_at > $2 AND h.granted_at < $3
UNION ALL
SELECT 'role', 'role:' || v.role, NULL, v.role, v.created_at, v.author
  FROM role_revisions v WHERE v.workspace_id = $1 AND v.created_at > $2 AND v.created_at < $3
UNION ALL
SELECT 'credential', 'credential:token:' || t.id, t.agent_id, t.role, t.created_at, t.created_by
  FROM agent_tokens t JOIN agents a ON a.workspace_id = t.workspace_id AND a.id = t.agent_id AND a.rehearsal_id IS NULL
 WHERE t.workspace_id = $1 AND t.created_at > $2 AND t.created_at < $3
UNION ALL
SELECT 'credential', 'credential:' || c.kind || ':' || c.id, c.agent_id, c.role, c.created_at, c.created_by
  FROM agent_credentials c WHERE c.workspace_id = $1 AND c.created_at > $2 AND c.created_at < $3
UNION ALL
SELECT 'delegation', 'delegation:' || d.id, NULL, NULL, d.created_at, d.created_by
  FROM delegations d WHERE d.workspace_id = $1 AND d.created_at > $2 AND d.created_at < $3
 ORDER BY created_at, subject`;

/** Of a mini-review this would be all of the company's: it is only said of those that are about everything. */
async function afterSnapshot(
  { client, workspaceId }: Pick<ReportScope, 'client' | 'workspaceId'>,
  { kind, snapshotAt, closedAt, voidedAt, scope }: CampaignRow,
  end: Date,
): Promise<readonly AfterRow[]> {
  if (kind === 'event') return [];
  const until = closedAt ?? voidedAt ?? end;
  const { rows } = await client.query<Omit<AfterRow, 'plan'>>(AFTER, [workspaceId, snapshotAt, until]);
  const { types } = z.object({ types: z.array(z.string()) }).parse(scope);
  return rows
    .filter(({ item_type: type }) => types.includes(type))
    .map((row) => ({ ...row, plan: 'in the next scheduled review, or when an event starts one' }));
}

function campaignOf({ campaign, standing, document, after, reminders }: Campaign, end: Date): object {
  const { items, remediations, rechecks, signatures } = standing;
  const count = (decision: ItemRow['decision']): number => items.filter((item) => item.decision === decision).length;
  const decided = items.length - count(null);
  const byType: Record<string, number> = {};
  for (const { type } of items) byType[type] = (byType[type] ?? 0) + 1;
  const signed = (capacity: SignatureRow['capacity']): string[] =>
    signatures.filter((each) => each.capacity === capacity && each.lapsedAt === null).map(({ person }) => person);
  const frozen = frozenCount(document);
  return {
    campaign_id: campaign.id,
    kind: campaign.kind,
    cause: campaign.cause,
    status: campaign.status,
    owner: campaign.owner,
    policy_version: campaign.policyVersion,
    policy_text: campaign.policy.text,
    scope_query: campaign.scope,
    snapshot_at: campaign.snapshotAt,
    snapshot_sha256: campaign.snapshotSha256,
    population: frozen,
    population_by_type: byType,
    exclusions: frozenOf(document).exclusions,
    created_after_snapshot: after.length,
    due_at: campaign.dueAt,
    missed_at: campaign.missedAt,
    reminders_sent: reminders,
    completion_percent: items.length === 0 ? 100 : Math.round((decided / items.length) * 10_000) / 100,
    keep: count('keep'),
    modify: count('modify'),
    revoke: count('revoke'),
    undecided: count(null),
    self_reviews: items.filter(isSelfReviewed).length,
    remediations: remediations.length,
    remediations_verified: remediations.filter(({ verifiedAt }) => verifiedAt !== null).length,
    remediations_excepted: remediations.filter(
      ({ verifiedAt, exceptedAt }) => verifiedAt === null && exceptedAt !== null,
    ).length,
    remediations_late: remediations.filter((each) => lateness(each, end) > 0).length,
    reviewers: [...decidersOf(items).values()].toSorted(),
    reviewers_training: [],
    quality_recheck: {
      seed: campaign.recheckSeed,
      drawn: campaign.recheckSeed === null ? 0 : rechecks.length,
      agreed: rechecks.filter(({ result }) => result === 'agree').length,
      disagreed: rechecks.filter(({ result }) => result === 'disagree').length,
      open: campaign.recheckSeed === null ? 0 : rechecks.filter(({ result }) => result === null).length,
    },
    tie_out:
      frozen === items.length
        ? 'equal'
        : `${frozen} items in the frozen population, ${items.length} items under review`,
    signed_reviewers: signed('reviewer'),
    signed_owner: signed('owner')[0] ?? null,
    countersigned: signed('countersigner'),
    closed_at: campaign.closedAt,
    voided_at: campaign.voidedAt,
    void_reason: campaign.voidReason,
  };
}

const frozenItemsSchema = z.object({
  items: z.array(
    z.object({
      id: z.string(),
      type: z.string(),
      subject: z.string(),
      title: z.string(),
      agent_id: z.string().nullable(),
      owner: z.string().nullable(),
      role: z.string().nullable(),
      role_version: z.int().nullable(),
      tier: z.string(),
      capabilities: z.array(z.string()),
      granted_at: z.string().nullable(),
      content: z.string(),
    }),
  ),
});

function frozenCount(document: string): number {
  return frozenItemsSchema.parse(parseJson(document)).items.length;
}

function* frozenItems({ campaign, document }: Campaign): Generator<object, void, undefined> {
  for (const { id, type, ...rest } of frozenItemsSchema.parse(parseJson(document)).items)
    yield { campaign_id: campaign.id, item_id: id, item_type: type, ...rest };
}

function itemOf({ campaign, standing: { remediations } }: Campaign, item: ItemRow, end: Date): object {
  const { facts } = item;
  const outcome = outcomeOf(item);
  const decision = item.decision === null ? undefined : outcome;
  const assignment = item.assignments.find(({ number }) => number === decision?.assignment) ?? current(item)[0];
  const remediation = remediations.findLast((each) => each.item === item.number);
  return {
    campaign_id: campaign.id,
    item_id: item.id,
    snapshot_at: campaign.snapshotAt,
    snapshot_sha256: campaign.snapshotSha256,
    item_type: item.type,
    agent_id: item.agentId,
    agent_name: item.agent,
    owner_at_snapshot: item.owner,
    role_id: item.role,
    role_version: item.roleVersion,
    capabilities_summary: facts.summary,
    blast_radius_usd_24h: facts.blast_radius_usd_24h,
    granted_at: facts.granted_at,
    granted_by: facts.granted_by,
    last_used_at: facts.last_used_at,
    use_count_90d: facts.use_count_90d,
    flags: facts.flags,
    reviewer_id: assignment?.personId ?? null,
    reviewer_basis: assignment?.basis ?? null,
    reviewer_is_subject: isSelfReviewed(item),
    assigned_at: assignment?.assignedAt ?? null,
    first_opened_at: assignment?.firstOpenedAt ?? null,
    decision: item.decision,
    decision_reason: decision?.reason ?? null,
    decided_at: decision?.submittedAt ?? null,
    decided_via: decision?.via ?? (item.missedAct === null ? null : 'deadline'),
    bulk_group: decision?.bulkGroup ?? null,
    seconds_on_item: decision?.secondsOnItem ?? null,
    reassigned_from: assignment?.reassignedFrom ?? null,
    reassign_reason: assignment?.reason ?? null,
    remediation_id: remediation?.id ?? null,
    remediation_due: remediation?.dueAt ?? null,
    executed_at: remediation?.executedAt ?? null,
    executed_by: remediation?.executedBy ?? null,
    verified_at: remediation?.verifiedAt ?? null,
    verification_method: remediation?.verificationMethod ?? null,
    verified_state_sha256: remediation?.verifiedSha256 ?? null,
    sla_met: remediation === undefined ? null : metSla(remediation, end),
    subject: item.subject,
    tier: item.tier,
    privileged: item.privileged,
    reviewer: assignment?.reviewer ?? null,
    reviewers: current(item).map(({ reviewer }) => reviewer),
    denials_90d: facts.refused_90d,
    changes_since_last_review: facts.changes,
    missed_at: item.missedAt,
    missed_act: item.missedAct,
  };
}

/** Null: its time is not over yet. */
function metSla(remediation: RemediationRow, end: Date): boolean | null {
  if (lateness(remediation, end) > 0) return false;
  return isOpen(remediation, end) ? null : true;
}

function decisionsOf({ campaign, standing: { items } }: Campaign): Iterable<object> {
  return items.flatMap((item) =>
    item.decisions.map((each) => ({
      campaign_id: campaign.id,
      item_id: item.id,
      number: each.number,
      reviewer_id: each.personId,
      reviewer: each.person,
      basis: item.assignments.find(({ number }) => number === each.assignment)?.basis ?? null,
      decision: each.decision,
      reason: each.reason,
      operations: each.operations,
      staged_days: each.stagedDays,
      decided_at: each.decidedAt,
      submitted_at: each.submittedAt,
      superseded_at: each.supersededAt,
      via: each.via,
      bulk_group: each.bulkGroup,
      seconds_on_item: each.secondsOnItem,
    })),
  );
}

function remediationsOf({ campaign, standing: { remediations } }: Campaign, end: Date): Iterable<object> {
  return remediations.map((each) => ({
    campaign_id: campaign.id,
    item_id: each.itemId,
    remediation_id: each.id,
    kind: each.kind,
    privileged: each.privileged,
    opened_at: each.openedAt,
    due_at: each.dueAt,
    not_before: each.notBefore,
    suspended_at: each.suspendedAt,
    change_id: each.changeId,
    executed_at: each.executedAt,
    executed_by: each.executedBy,
    verified_at: each.verifiedAt,
    verification_method: each.verificationMethod,
    verified_state: each.verifiedState,
    verified_state_sha256: each.verifiedSha256,
    sla_met: metSla(each, end),
    days_late: lateness(each, end),
    exception_reason: each.exceptedAt === null ? null : each.exceptionReason,
    exception_requested_by: each.exceptedAt === null ? null : each.exceptionBy,
    exception_approved_by: each.exceptedBy,
    exception_until: each.exceptedAt === null ? null : each.exceptionUntil,
  }));
}

function rechecksOf({ campaign, standing: { rechecks } }: Campaign): Iterable<object> {
  if (campaign.recheckSeed === null) return [];
  return rechecks.map(({ place, itemId, result, reason, person, checkedAt }) => ({
    campaign_id: campaign.id,
    seed: campaign.recheckSeed,
    place,
    item_id: itemId,
    result,
    reason,
    checked_by: person,
    checked_at: checkedAt,
  }));
}

const signedSchema = z.object({
  statement: z.string(),
  population_sha256: z.string(),
  decisions_sha256: z.string(),
  authentication: z.object({ subject: z.string().nullable(), mfa_at: z.string().nullable() }),
});

function signatureOf({ campaign, id, capacity, person, document, signedAt, lapsedAt }: SignatureRow): object {
  const { statement, population_sha256, decisions_sha256, authentication } = signedSchema.parse(parseJson(document));
  return {
    campaign_id: campaign,
    signature_id: id,
    capacity,
    person,
    subject: authentication.subject,
    mfa_at: authentication.mfa_at,
    signed_at: signedAt,
    statement,
    population_sha256,
    decisions_sha256,
    document_sha256: createHash('sha256').update(document).digest('hex'),
    lapsed_at: lapsedAt,
  };
}

/** Each with the very bytes that were hashed and signed. */
async function* attachments(
  scope: ReportScope,
  campaigns: readonly CampaignRow[],
  end: Date,
): AsyncGenerator<Attachment, void, undefined> {
  for (const row of campaigns) {
    const one = await readOne(scope, row, end);
    const { campaign, standing, document } = one;
    yield { path: `${campaign.id}/population.json`, bytes: Buffer.from(document) };
    for (const { id, document: signed, note } of standing.signatures) {
      yield { path: `${campaign.id}/signatures/${id}.json`, bytes: Buffer.from(signed) };
      yield { path: `${campaign.id}/signatures/${id}.note`, bytes: Buffer.from(note) };
    }
    // A paper for which nobody has signed says nothing that the tables do not.
    if (standing.signatures.length > 0)
      yield { path: `${campaign.id}/signoff.pdf`, bytes: await signOffPdf(scope, one, end) };
  }
}

async function signOffPdf(
  { client, workspaceId, period, asOf }: ReportScope,
  { campaign, standing }: Campaign,
  end: Date,
): Promise<Uint8Array> {
  const { rows } = await client.query<{ workspace: string; environment: string; sample_data: boolean }>(
    'SELECT name AS workspace, environment, sample_data FROM workspaces WHERE id = $1',
    [workspaceId],
  );
  const [titled] = rows;
  if (titled === undefined) throw new Error(`there is no workspace ${workspaceId}`);
  const count = (decision: ItemRow['decision']): number =>
    standing.items.filter((item) => item.decision === decision).length;
  const signatures = standing.signatures.filter(({ lapsedAt }) => lapsedAt === null);
  return pdfOf(
    signOffDocument(
      {
        tenant: titled.workspace,
        environment: titled.environment,
        period,
        asOf,
        generatedAt: end.toISOString(),
        csvSha256: null,
        isSample: titled.sample_data,
      },
      {
        campaignId: campaign.id,
        campaign: campaign.id,
        items: { file: `${campaign.id}/population.json`, sha256: campaign.snapshotSha256, rows: standing.items.length },
        outcome: {
          Status: campaign.status,
          Keep: count('keep'),
          Modify: count('modify'),
          Revoke: count('revoke'),
          'Not decided': count(null),
          Remediations: standing.remediations.length,
        },
        signatures: signatures.map((each) => {
          const { statement, authentication } = signedSchema.parse(parseJson(each.document));
          return {
            capacity: { reviewer: 'reviewer', owner: 'campaign owner', countersigner: 'countersignature' }[
              each.capacity
            ],
            person: each.person,
            subject: authentication.subject,
            mfaAt: authentication.mfa_at,
            signedAt: each.signedAt.toISOString(),
            statement,
            record: each.id,
          };
        }),
        outstanding: gatesOf(campaign, standing, end)
          .filter(({ passed }) => !passed)
          .map(({ detail }) => detail),
      },
    ),
  );
}
