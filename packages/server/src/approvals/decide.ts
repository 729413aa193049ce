/** A person approves or denies. Every attempt is on the log, the refused ones too. */

import type { ClientBase } from 'pg';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { assuranceProblem, ownSignInProblem } from '../identity/index.ts';
import type { PersonId, WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { keepSignedDecision, type SignedDecision, type Subject } from '../passkeys/index.ts';
import { type Bar, barOf, groupsOf, type Voice } from './eligibility.ts';
import { approvalNotFound } from './failures.ts';
import { openedBy } from './open.ts';
import { type Asked, type Person, peopleOf, questionOf } from './question.ts';
import { isComplete } from './quorum.ts';
import { type ApprovalRow, type DecisionRow, decidedOf, decisionsOf, findApproval, recordFields } from './rows.ts';

export interface Decision {
  readonly decision: 'approve' | 'deny';
  readonly reason: string;
  /** Of what was shown; an approval names it. */
  readonly hash?: string | undefined;
  /** Id or e-mail of the person for whom it is decided; absent: in the decider's own name. */
  readonly onBehalfOf?: string | undefined;
  /** A passkey over exactly this, checked; used up with the decision. */
  readonly signature?: SignedDecision | undefined;
}

/** Who decides, as far as a credential says: of an administrator, or of another channel that authenticates people. */
export interface DecidingParty
  extends Pick<Administrator, 'workspaceId' | 'actor' | 'person' | 'authenticatedAtMs' | 'session'> {
  /** What was authenticated: the id of a key, or the account in Slack as `team/user`. */
  readonly credentialId: string;
  /** What is answered when it belongs to nobody; that a key does when absent. */
  readonly nobody?: Failure;
}

/** How it came in. */
export interface Means {
  readonly channel: DecisionRow['channel'];
  /** How many are decided in one move; absent for one alone. */
  readonly bulk?: number;
}

/** Throws a Failure when the decision is refused; the refusal is durable by then. */
export async function decideApproval(
  log: ActionLog,
  who: DecidingParty,
  id: string,
  decision: Decision,
  means: Means,
): Promise<void> {
  const refusal = await log.transact(who.workspaceId, async (transaction) => {
    const row = await findApproval(transaction.client, who.workspaceId, id, 'FOR UPDATE');
    if (row === undefined) return approvalNotFound(id);
    const failure = await decideIn(transaction, who, row, decision, means);
    if (failure !== undefined)
      transaction.log({
        kind: 'approval.refused',
        actor: who.actor,
        ...recordFields(row),
        key_id: who.credentialId,
        person: who.person?.email,
        on_behalf_of: decision.onBehalfOf,
        decision: decision.decision,
        channel: means.channel,
        bulk: means.bulk,
        code: failure.code,
      });
    return failure;
  });
  if (refusal !== undefined) throw refusal;
}

async function decideIn(
  transaction: LoggedTransaction,
  who: DecidingParty,
  row: ApprovalRow,
  decision: Decision,
  means: Means,
): Promise<Failure | undefined> {
  const { client, now } = transaction;
  const { workspaceId, person: holder } = who;
  if (holder === undefined) return who.nobody ?? personRequired();
  const unsigned = await ownSignInProblem(client, who);
  if (unsigned !== undefined) return unsigned;
  const decisions = await decisionsOf(client, workspaceId, [row.id]);
  const question = await questionOf(client, workspaceId, row);
  const voice = await voiceOf(client, workspaceId, holder.id, decision.onBehalfOf, question);
  if (voice === undefined) return REFUSALS.approver_without_delegation(holder.email, row);
  const { by: person, onBehalfOf, delegationId } = voice;
  const name = onBehalfOf === undefined ? person.email : `${person.email} for ${onBehalfOf.email}`;
  if (!person.active) return REFUSALS.person_inactive(name, row);
  // An account in Slack may be written down of somebody else meanwhile: it stays one voice.
  const before = decisions.find(({ person_id, key_id }) => person_id === person.id || key_id === who.credentialId);
  if (before !== undefined) return REFUSALS.approver_decided_before(before.person, row);
  if (row.status !== 'pending') return notPending(row);
  const approvals = decisions.map(decidedOf);
  if (decision.decision === 'approve') {
    if (decision.hash !== row.hash) return hashDiffers(row);
    const bar = barOf(voice, question, approvals);
    if (bar !== undefined) return REFUSALS[bar](name, row);
    if (means.bulk !== undefined && (row.people > 1 || row.destructive === true)) return notInBulk(row);
    const { signature } = decision;
    const registeredBy = signature?.verified.passkey.registeredBy;
    const unsure = await assuranceProblem(client, who, 'approve', now, {
      signature: registeredBy === undefined ? undefined : { registeredBy },
      canSign: true,
    });
    if (unsure !== undefined) return unsure;
  }
  const signed =
    decision.signature === undefined
      ? undefined
      : await keepSignedDecision(transaction, decision.signature, subjectOf(row, holder.email, decision));
  if (signed instanceof Failure) return signed;
  const authenticatedAt = who.authenticatedAtMs === undefined ? now : new Date(who.authenticatedAtMs);
  const groups = groupsOf(voice);
  const isGranted = decision.decision === 'approve' && isComplete(row, [...approvals, { groups }]);
  const openedAt = await openedBy(client, workspaceId, row.id, holder.id);
  const facts = {
    approver: person.email,
    requester: await requesterOf(client, workspaceId, question),
    requested_at: row.requested_at.toISOString(),
    dwell_ms: openedAt === undefined ? undefined : Math.max(0, now.getTime() - openedAt.getTime()),
  };
  const eventId = transaction.log({
    kind: 'approval.decided',
    actor: who.actor,
    ...recordFields(row),
    ...facts,
    decision: decision.decision,
    person: person.email,
    person_id: person.id,
    person_groups: groups,
    on_behalf_of: onBehalfOf?.email,
    on_behalf_of_id: onBehalfOf?.id,
    delegation_id: delegationId,
    key_id: who.credentialId,
    authenticated_at: authenticatedAt.toISOString(),
    channel: means.channel,
    bulk: means.bulk,
    reason: decision.reason === '' ? undefined : decision.reason,
    signature:
      signed === undefined ? undefined : { id: signed.id, passkey_id: signed.passkeyId, digest: signed.digest },
  });
  await client.query(
    `INSERT INTO approval_decisions (workspace_id, approval_id, person_id, person, groups, decision, reason, key_id, key_name,
                                     channel, authenticated_at, decided_at, bulk, event_id, on_behalf_of_id, on_behalf_of,
                                     delegation_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
    [
      workspaceId,
      row.id,
      person.id,
      person.email,
      groups,
      decision.decision,
      decision.reason,
      who.credentialId,
      who.actor.replace(/^key:/, ''),
      means.channel,
      authenticatedAt,
      now,
      means.bulk,
      eventId,
      onBehalfOf?.id,
      onBehalfOf?.email,
      delegationId,
    ],
  );
  if (decision.decision === 'deny') await move(transaction, workspaceId, row.id, 'denied', decision.reason);
  else if (isGranted) {
    await move(transaction, workspaceId, row.id, 'approved', null);
    const approvers = [...decisions.map((each) => each.person), person.email];
    transaction.log({
      kind: 'approval.granted',
      actor: who.actor,
      ...recordFields(row),
      ...facts,
      approvers,
      binds: row.binding.args,
      expires_at: row.expires_at.toISOString(),
    });
  }
  return undefined;
}

/** E-mail of who may hold the credential of the call, where somebody does. */
async function requesterOf(
  client: ClientBase,
  workspaceId: WorkspaceId,
  { requesters }: Asked,
): Promise<string | undefined> {
  const people = requesters.size === 0 ? [] : [...(await peopleOf(client, workspaceId, [...requesters])).values()];
  return people.map(({ email }) => email).sort()[0];
}

/** What a passkey signs: the approval as it was shown, by its hash, and all of the decision. */
export function subjectOf(
  row: Pick<ApprovalRow, 'id' | 'workspace_id' | 'hash' | 'agent' | 'capability' | 'policy_revision'>,
  approver: string,
  { decision, reason, onBehalfOf }: Pick<Decision, 'decision' | 'reason' | 'onBehalfOf'>,
): Subject {
  return {
    kind: 'approval',
    id: row.id,
    members: {
      workspace_id: row.workspace_id,
      hash: row.hash,
      agent: row.agent,
      action: row.capability,
      policy_revision: row.policy_revision,
      decision,
      reason,
      approver,
      on_behalf_of: onBehalfOf ?? null,
    },
  };
}

interface Speaking extends Voice<Person> {
  readonly delegationId?: string;
}

/** Undefined when the person may not decide for the other: of whom that is, nobody is told. */
async function voiceOf(
  client: ClientBase,
  workspaceId: WorkspaceId,
  id: PersonId,
  onBehalfOf: string | undefined,
  { delegations }: Asked,
): Promise<Speaking | undefined> {
  const own = delegations.filter(({ to }) => to === id);
  const people = await peopleOf(client, workspaceId, [id, ...own.map(({ from }) => from)]);
  const by = people.get(id);
  if (by === undefined) throw new Error(`the holder ${id} of a key is no person`);
  if (onBehalfOf === undefined) return { by };
  for (const { id: delegationId, from } of own) {
    const other = people.get(from);
    if (other !== undefined && (other.id === onBehalfOf || other.email === onBehalfOf.toLowerCase()))
      return { by, onBehalfOf: other, delegationId };
  }
  return undefined;
}

async function move(
  { client, now }: LoggedTransaction,
  workspaceId: WorkspaceId,
  id: string,
  status: 'denied' | 'approved',
  reason: string | null,
): Promise<void> {
  const { rowCount } = await client.query(
    `UPDATE approvals SET status = $3, decided_at = $4, ended_reason = $5,
            ended_at = CASE WHEN $3 = 'denied' THEN $4::timestamptz END
      WHERE workspace_id = $1 AND id = $2 AND status = 'pending'`,
    [workspaceId, id, status, now, reason],
  );
  if (rowCount !== 1) throw new Error(`the approval ${id} moved while it was locked`);
}

function personRequired(): Failure {
  return new Failure(
    403,
    'person_required',
    'People decide about held calls, and this key belongs to none.',
    'Make a key of your own: hivekey key create NAME --person E-MAIL.',
  );
}

function notPending({ id, status, ended_reason }: ApprovalRow): Failure {
  const cause = `The approval ${id} is ${status}${ended_reason === null || ended_reason === '' ? '' : ` (${ended_reason})`}.`;
  return new Failure(409, `approval_${status}`, cause, 'Nothing is left to decide; the agent can ask again.');
}

function hashDiffers({ id, hash }: ApprovalRow): Failure {
  return new Failure(
    409,
    'approval_hash_differs',
    `What you approve is not the approval ${id} as it is, whose hash is ${hash}.`,
    'Read it with GET /v1/approvals/:id, and send its hash with your decision.',
  );
}

function notInBulk({ id, people }: ApprovalRow): Failure {
  const why = people > 1 ? `takes ${people} people` : 'is of a destructive capability';
  return new Failure(409, 'approval_not_in_bulk', `The approval ${id} ${why}.`, 'Decide about it alone.');
}

type Refusal = (person: string, row: ApprovalRow) => Failure;

const REFUSALS: Readonly<Record<Bar, Refusal>> = {
  person_inactive: (person) =>
    new Failure(403, 'person_inactive', `${person} is not active.`, 'Have somebody else decide.'),
  approver_decided_before: (person, { id }) =>
    new Failure(
      409,
      'approver_decided_before',
      `${person} has decided about ${id} already.`,
      'Each person counts once, whatever key is used.',
    ),
  approver_same_person: (person, { id }) =>
    new Failure(
      409,
      'approver_same_person',
      `${person} would be a second voice of one person about ${id}: who decides for somebody counts as one with them.`,
      'Have somebody else approve.',
    ),
  approver_without_delegation: (person, { capability }) =>
    new Failure(
      403,
      'approver_without_delegation',
      `${person} may not decide about ${capability} for the person named, now.`,
      'Decide in your own name, or have that person make a delegation: hivekey delegation create.',
    ),
  approver_is_requester: (person) =>
    new Failure(
      403,
      'approver_is_requester',
      `${person} had the credential of the call made, and may hold it.`,
      'Have somebody else approve.',
    ),
  approver_is_owner: (person, { agent }) =>
    new Failure(
      403,
      'approver_is_owner',
      `${person} owns ${agent}, and the owner alone does not approve.`,
      'Have somebody else approve.',
    ),
  approver_is_author: (person) =>
    new Failure(
      403,
      'approver_is_author',
      `${person} wrote the policy under which the call was held.`,
      'Have somebody else approve.',
    ),
  approver_over_authority: (person) =>
    new Failure(
      403,
      'approver_over_authority',
      `The call is beyond what ${person} may approve.`,
      'Have somebody with more authority approve; authorities are set with PATCH /v1/people/:person.',
    ),
  approver_not_needed: (person, { groups }) =>
    new Failure(
      403,
      'approver_not_needed',
      `${person} fills none of the places that are open.`,
      `Have somebody of ${groups.join(', ')} approve.`,
    ),
};
