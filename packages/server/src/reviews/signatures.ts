/**
 * Signatures under a review: a reviewer under their own decisions, the owner of the campaign under its completeness, somebody
 * outside under what is privileged. What is signed is one canonical text with who, when and how they were authenticated, the
 * statement, and the hashes of the frozen population and of the decisions; the key of the log signs its digest.
 */
import { createHash } from 'node:crypto';
import { canonicalJson } from '@hivekey/action-log';
import type { JsonObject } from '@hivekey/policy';
import type { ClientBase, Pool } from 'pg';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { assuranceProblem } from '../identity/index.ts';
import { newId, type PersonId, type WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { decisionOptions, keepSignedDecision, type SignedDecision, type Subject } from '../passkeys/index.ts';
import type { ReviewContext } from './context.ts';
import { type Reviewer, reviewerOf } from './eligibility.ts';
import { decidersOf, type Gate, gatesOf, readStanding, type Standing, said } from './gates.ts';
import { recordingRefusals } from './refusals.ts';
import { type CampaignRow, findCampaign, type ItemRow, refuseOver } from './rows.ts';

export const CAPACITIES = ['reviewer', 'owner', 'countersigner'] as const;
export type Capacity = (typeof CAPACITIES)[number];

export interface SignatureRow {
  readonly id: string;
  readonly campaign: string;
  readonly capacity: Capacity;
  readonly personId: PersonId;
  readonly person: string;
  readonly document: string;
  readonly note: string;
  readonly signedDecision: string | null;
  readonly signedAt: Date;
  readonly lapsedAt: Date | null;
}

export async function signaturesOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  campaign: string,
): Promise<readonly SignatureRow[]> {
  const { rows } = await client.query<SignatureRow>(
    `SELECT id, campaign_id AS campaign, capacity, person_id AS "personId", person, document, note, signed_decision AS "signedDecision",
            signed_at AS "signedAt", lapsed_at AS "lapsedAt"
       FROM review_signatures WHERE workspace_id = $1 AND campaign_id = $2 ORDER BY signed_at, id`,
    [workspaceId, campaign],
  );
  return rows;
}

/** SHA-256 over what was decided about these items, in their order: it changes with any of it. */
function decisionsDigest(items: readonly ItemRow[], personId?: PersonId): string {
  const decided = items.flatMap((item) =>
    said(item)
      .filter((each) => personId === undefined || each.personId === personId)
      .map(({ decision, reason, personId: by, submittedAt, number }) => ({
        item: item.id,
        number,
        decision,
        reason,
        person_id: by,
        submitted_at: submittedAt?.toISOString() ?? null,
      })),
  );
  return createHash('sha256').update(canonicalJson(decided)).digest('hex');
}

export interface ToSign {
  readonly statement: string;
  readonly decisionsSha256: string;
  readonly populationSha256: string;
  readonly counts: Readonly<Record<string, number>>;
}

/** What somebody would sign in this capacity. Throws `review_signature_early`, `review_not_yours`, `review_countersigner_inside`. */
function toSign(
  campaign: CampaignRow,
  standing: Standing,
  capacity: Capacity,
  { person, directory }: Reviewer,
  now: Date,
): ToSign {
  const { items } = standing;
  refuseEarly(campaign, capacity, gatesOf(campaign, standing, now));
  const own = items.filter((item) => said(item).some(({ personId }) => personId === person.id));
  const population = campaign.snapshotSha256;
  if (capacity === 'reviewer') {
    if (own.length === 0)
      throw new Failure(
        403,
        'review_not_yours',
        `${person.email} has decided about nothing in ${campaign.id}.`,
        'Whoever decided signs.',
      );
    const counts = countDecisions(own, person.id);
    return {
      statement: `I have reviewed the ${own.length} items that I decided in ${campaign.id} by myself, with their use and their changes before me, and I have no part in any of them.`,
      decisionsSha256: decisionsDigest(own, person.id),
      populationSha256: population,
      counts,
    };
  }
  const all = { decisionsSha256: decisionsDigest(items), populationSha256: population };
  if (capacity === 'owner') {
    if (person.id !== campaign.ownerId)
      throw new Failure(403, 'review_not_yours', `${campaign.owner} answers for ${campaign.id}.`, 'Have them sign.');
    return {
      ...all,
      statement: `${campaign.id} covers the whole population of ${items.length} items frozen at ${campaign.snapshotAt.toISOString()} within its scope; every item is decided, and what was decided has taken effect or is excepted by two people.`,
      counts: countDecisions(items),
    };
  }
  const privileged = items.filter((item) => item.privileged);
  refuseInside(campaign, standing, { person, directory }, privileged);
  return {
    decisionsSha256: decisionsDigest(privileged),
    populationSha256: population,
    statement: `I stand outside the teams whose access ${campaign.id} reviews, and have looked at the decisions about its ${privileged.length} privileged items.`,
    counts: countDecisions(privileged),
  };
}

function countDecisions(items: readonly ItemRow[], personId?: PersonId): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items)
    for (const { decision } of said(item).filter((each) => personId === undefined || each.personId === personId))
      counts[decision] = (counts[decision] ?? 0) + 1;
  return counts;
}

/** Reviewers once all is decided; the owner once all of it has taken effect and was checked again; then somebody outside. */
function refuseEarly({ id }: CampaignRow, capacity: Capacity, gates: readonly Gate[]): void {
  const before: readonly Gate['gate'][] =
    capacity === 'reviewer' ? ['decided', 'no_self_review'] : ['decided', 'no_self_review', 'remediated', 'recheck'];
  const open = gates.find(({ gate, passed }) => before.includes(gate) && !passed);
  if (open === undefined) return;
  throw new Failure(
    409,
    'review_signature_early',
    `${id} is not that far: ${open.detail}`,
    'Sign when the gate is passed.',
  );
}

/** Not in a team whose agents are privileged, no reviewer, not the owner of the campaign, and with no part in what is privileged. */
function refuseInside(
  campaign: CampaignRow,
  { items }: Standing,
  { person, directory }: Reviewer,
  privileged: readonly ItemRow[],
): void {
  const why =
    person.id === campaign.ownerId
      ? 'answers for it'
      : decidersOf(items).has(person.id)
        ? 'has decided in it'
        : items.some(({ barred }) => barred[person.id] !== undefined)
          ? 'has a part in what is reviewed'
          : person.team !== null &&
              privileged.some(({ ownerId }) => ownerId !== null && directory.people.get(ownerId)?.team === person.team)
            ? `is of the team ${person.team}, whose agents are reviewed`
            : person.breakGlass || person.auditor
              ? 'is an account for emergencies, or an auditor'
              : undefined;
  if (why === undefined) return;
  throw new Failure(
    403,
    'review_countersigner_inside',
    `${person.email} ${why}: whoever countersigns ${campaign.id} stands outside.`,
    'Have somebody else countersign.',
  );
}

/** As a passkey signs it. */
function subjectOf(
  campaign: CampaignRow,
  capacity: Capacity,
  { statement, decisionsSha256, populationSha256 }: ToSign,
): Subject {
  return {
    kind: 'review',
    id: campaign.id,
    members: { capacity, statement, population_sha256: populationSha256, decisions_sha256: decisionsSha256 },
  };
}

export async function signatureOptions(
  context: ReviewContext,
  who: Administrator,
  campaignId: string,
  capacity: Capacity,
) {
  const { pool, url, clock } = context;
  const campaign = await findCampaign(pool, who.workspaceId, campaignId);
  const reviewer = await reviewerOf(pool, who);
  const wanted = toSign(
    campaign,
    await readStanding(pool, who.workspaceId, campaignId),
    capacity,
    reviewer,
    new Date(clock()),
  );
  return decisionOptions(pool, url, who, subjectOf(campaign, capacity, wanted), clock());
}

/**
 * Throws `review_not_found`, `review_over`, `person_required`, `review_signature_early`, `review_not_yours`,
 * `review_countersigner_inside`, `review_signed`, `step_up_required`, `signature_other_decision`.
 */
export function sign(
  context: ReviewContext,
  who: Administrator,
  campaignId: string,
  capacity: Capacity,
  passkey: SignedDecision | undefined,
): Promise<SignatureRow> {
  const { workspaceId } = who;
  return recordingRefusals(context, who, campaignId, 'sign', [], () =>
    context.log.transact(workspaceId, async (transaction) => {
      const { client, now } = transaction;
      const campaign = await findCampaign(client, workspaceId, campaignId);
      refuseOver(campaign);
      const reviewer = await reviewerOf(client, who);
      const standing = await readStanding(client, workspaceId, campaignId);
      const wanted = toSign(campaign, standing, capacity, reviewer, now);
      const has = standing.signatures.some(
        (each) => each.capacity === capacity && each.personId === reviewer.person.id && each.lapsedAt === null,
      );
      if (has)
        throw new Failure(
          409,
          'review_signed',
          `${reviewer.person.email} has signed as ${capacity}.`,
          'There is nothing left to sign.',
        );
      const problem = await assuranceProblem(client, who, 'sign_off', now, {
        canSign: true,
        signature: passkey === undefined ? undefined : { registeredBy: passkey.verified.passkey.registeredBy },
      });
      if (problem !== undefined) throw problem;
      const kept =
        passkey === undefined
          ? undefined
          : await keepSignedDecision(transaction, passkey, subjectOf(campaign, capacity, wanted));
      if (kept instanceof Failure) throw kept;
      return keepSignature(transaction, context, who, campaign, capacity, reviewer, wanted, kept);
    }),
  );
}

async function keepSignature(
  { client, now, log }: LoggedTransaction,
  context: ReviewContext,
  who: Administrator,
  campaign: CampaignRow,
  capacity: Capacity,
  { person }: Reviewer,
  { statement, decisionsSha256, populationSha256, counts }: ToSign,
  passkey: { readonly id: string; readonly passkeyId: string; readonly digest: string } | undefined,
): Promise<SignatureRow> {
  const { workspaceId, session } = who;
  const id = newId<string>('rvs');
  const document = canonicalJson({
    v: 1,
    kind: 'access_review_signature',
    id,
    workspace_id: workspaceId,
    campaign: campaign.id,
    capacity,
    person: person.email,
    person_id: person.id,
    statement,
    counts,
    population_sha256: populationSha256,
    decisions_sha256: decisionsSha256,
    signed_at: now.toISOString(),
    authentication: await authenticationOf(client, who, now, passkey),
    credential_id: who.credentialId,
    session_id: session?.id ?? null,
  });
  const digest = createHash('sha256').update(document).digest('hex');
  const note = context.log.sign(workspaceId, `hivekey-review-signature/v1\n${id}\n${digest}\n`);
  const eventId = log({
    kind: 'review.signed',
    actor: who.actor,
    person: person.email,
    campaign: campaign.id,
    signature: id,
    capacity,
    statement,
    document_sha256: digest,
    population_sha256: populationSha256,
    decisions_sha256: decisionsSha256,
    signed_decision: passkey?.id,
  });
  await client.query(
    `INSERT INTO review_signatures (workspace_id, campaign_id, id, capacity, person_id, person, document, note, signed_decision, signed_at, event_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [
      workspaceId,
      campaign.id,
      id,
      capacity,
      person.id,
      person.email,
      document,
      note,
      passkey?.id ?? null,
      now,
      eventId,
    ],
  );
  return {
    id,
    campaign: campaign.id,
    capacity,
    personId: person.id,
    person: person.email,
    document,
    note,
    signedDecision: passkey?.id ?? null,
    signedAt: now,
    lapsedAt: null,
  };
}

/** How sure it is that it was this person: said as it is, also where it is little. */
async function authenticationOf(
  client: ClientBase,
  { workspaceId, via, session, person, authenticatedAtMs }: Administrator,
  now: Date,
  passkey: { readonly id: string; readonly passkeyId: string; readonly digest: string } | undefined,
): Promise<JsonObject> {
  const { rows } = await client.query<{ issuer: string; subject: string }>(
    `SELECT issuer, subject FROM person_identities WHERE workspace_id = $1 AND person_id = $2 ORDER BY last_used_at DESC LIMIT 1`,
    [workspaceId, person?.id ?? ''],
  );
  const own = session !== undefined && session.method !== 'key' ? rows[0] : undefined;
  const at = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString());
  return {
    via: session?.method ?? via,
    issuer: own?.issuer ?? null,
    subject: own?.subject ?? null,
    amr: [...(session?.amr ?? [])],
    acr: session?.acr ?? null,
    authenticated_at: at(authenticatedAtMs),
    mfa_at: passkey === undefined ? at(session?.steppedUpAtMs) : now.toISOString(),
    passkey: passkey?.passkeyId ?? null,
    signed_decision: passkey?.id ?? null,
    signed_decision_digest: passkey?.digest ?? null,
  };
}

/** What was decided has changed: whoever signed signs again. */
export async function lapseSignatures(
  { client, now }: LoggedTransaction,
  workspaceId: WorkspaceId,
  campaign: string,
): Promise<void> {
  await client.query(
    'UPDATE review_signatures SET lapsed_at = $3 WHERE workspace_id = $1 AND campaign_id = $2 AND lapsed_at IS NULL',
    [workspaceId, campaign, now],
  );
}
