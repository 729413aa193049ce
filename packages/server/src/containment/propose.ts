/**
 * Two people where a workspace asks for them: the first proposes, the second confirms, and what was proposed happens
 * in the transaction of the confirmation. Every transaction here holds the workspace's state row, so two that answer
 * one proposal at once are ordered.
 */
import type { ClientBase } from 'pg';
import type { Agent } from '../agents/index.ts';
import { readAgent } from '../agents/index.ts';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { checkAssurance, ownSignInProblem } from '../identity/index.ts';
import { newId, type PersonId, type WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { readPerson } from '../people/index.ts';
import { commitStop, resolveTarget } from './commit.ts';
import { type Containment, type ContainmentView, type NewContainment, readContainment } from './containment.ts';
import { liftIn, restoreIn } from './lift.ts';
import { openProposal, type Proposal, type ProposalView, readProposal } from './proposal.ts';
import {
  asksForTwo,
  changedBy,
  readSettings,
  type Settings,
  type SettingsChange,
  type SettingsValues,
  storedSettings,
  writeSettings,
} from './settings.ts';
import { standingOrder } from './standing.ts';
import { commitOrAbort, completeStop, type StopContext } from './stop.ts';

interface Person {
  readonly id: PersonId;
  readonly email: string;
}

interface Proposed {
  readonly kind: ProposalView['kind'];
  readonly scope: NewContainment['scope'] | null;
  readonly target: string;
  readonly reason: string;
  readonly containmentId?: string;
  readonly settings?: SettingsValues;
}

/** Throws `person_required`, `person_inactive`. */
async function personOf(client: ClientBase, { workspaceId, person }: Administrator): Promise<Person> {
  if (person === undefined)
    throw new Failure(
      403,
      'person_required',
      'This takes two people, and this key belongs to none.',
      'Use a key of your own: hivekey key create NAME --person E-MAIL. To hold an agent meanwhile, with any key: POST /v1/agents/:agent/quarantine or /suspend.',
    );
  const { active } = await readPerson(client, workspaceId, person.id);
  if (active) return person;
  throw new Failure(403, 'person_inactive', `${person.email} is not active.`, 'Have somebody else do it.');
}

/** Writes the proposal down, or answers the one that waits already. */
async function propose(transaction: LoggedTransaction, who: Administrator, wanted: Proposed): Promise<Proposal> {
  const { client } = transaction;
  const person = await personOf(client, who);
  const unsigned = await ownSignInProblem(client, who);
  if (unsigned !== undefined) throw unsigned;
  return writeProposal(transaction, who, person, wanted);
}

/**
 * A stop of the agent that a detection asks for: one person confirms it, as what another person has proposed. Undefined
 * where it is stopped already. Throws `agent_not_found`.
 */
export async function proposeStopIn(
  transaction: LoggedTransaction,
  who: Pick<Administrator, 'workspaceId' | 'actor'>,
  agentId: string,
  reason: string,
): Promise<Proposal | undefined> {
  const { name: target } = await resolveTarget(transaction, who.workspaceId, {
    scope: 'agent',
    target: agentId,
    reason,
  });
  if ((await standingOrder(transaction.client, who.workspaceId, 'agent', target)) !== undefined) return undefined;
  return writeProposal(transaction, who, undefined, { kind: 'kill', scope: 'agent', target, reason });
}

async function writeProposal(
  transaction: LoggedTransaction,
  { workspaceId, actor }: Pick<Administrator, 'workspaceId' | 'actor'>,
  person: Person | undefined,
  wanted: Proposed,
): Promise<Proposal> {
  const { client } = transaction;
  const { kind, scope, target, reason, containmentId, settings } = wanted;
  const open = await openProposal(client, workspaceId, kind, scope, target, containmentId);
  if (open !== undefined && kind !== 'settings') return open;
  const { answer_minutes: minutes } = await readSettings(client, workspaceId);
  const id = newId<string>('prp');
  await client.query(
    `INSERT INTO containment_proposals (workspace_id, id, kind, scope, target, containment_id, settings, reason, proposed_by, proposed_by_id, answer_by)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, clock_timestamp() + make_interval(mins => $11))`,
    [
      workspaceId,
      id,
      kind,
      scope,
      target,
      containmentId ?? null,
      settings === undefined ? null : JSON.stringify(settings),
      reason,
      actor,
      person?.id ?? null,
      minutes,
    ],
  );
  const proposal = await readProposal(client, workspaceId, id);
  note(transaction, actor, proposal, 'proposed', { person: person?.email, settings });
  return proposal;
}

function note(
  { log }: LoggedTransaction,
  actor: string,
  { id, kind, scope, target, containment, reason, proposed_by, proposed_by_person, answer_by }: Proposal,
  change: ProposalView['status'],
  more: Readonly<Record<string, unknown>> = {},
): void {
  log({
    kind: 'containment.proposal',
    actor,
    proposal_id: id,
    change,
    proposed: kind,
    scope: scope ?? undefined,
    target,
    containment_id: containment ?? undefined,
    reason,
    ...(change === 'proposed'
      ? { answer_by: new Date(answer_by * 1000).toISOString() }
      : { proposed_by, proposed_by_person }),
    ...more,
  });
}

/**
 * Stops, or proposes to where that takes two people. The same order by another person confirms what was proposed: two
 * people want it stopped. What stands already is answered to anybody.
 */
export async function askForStop(
  context: StopContext,
  who: Administrator,
  wanted: NewContainment,
): Promise<ContainmentView | ProposalView> {
  const { workspaceId } = who;
  const order = { orderedAtMs: context.clock(), started: performance.now() };
  const given = await commitOrAbort(context, workspaceId, wanted, async (transaction) => {
    const { client } = transaction;
    const { two_people: two } = await readSettings(client, workspaceId);
    const commit = (proposalId?: string) =>
      commitStop(
        transaction,
        who,
        { ...wanted, ...(proposalId === undefined ? {} : { proposalId }) },
        order.orderedAtMs,
        context.nodeId,
      );
    if (!two.kill.includes(wanted.scope)) return commit();
    const { name: target } = await resolveTarget(transaction, workspaceId, wanted);
    if ((await standingOrder(client, workspaceId, wanted.scope, target)) !== undefined) return commit();
    const open = await openProposal(client, workspaceId, 'kill', wanted.scope, target);
    if (open !== undefined && who.person !== undefined && open.proposed_by_person !== who.person.email) {
      await confirmIn(transaction, who, open);
      return commit(open.id);
    }
    return propose(transaction, who, { kind: 'kill', ...wanted, target });
  });
  return 'object' in given ? given : completeStop(context, workspaceId, given, order);
}

/** Lifts, or proposes to. Throws `containment_not_found`, and what a proposal may. */
export function askForLift(
  log: ActionLog,
  who: Administrator,
  id: string,
  reason: string,
): Promise<Containment | Proposal> {
  const { workspaceId } = who;
  return log.transact(workspaceId, async (transaction) => {
    const stop = await readContainment(transaction.client, workspaceId, id);
    const { two_people: two } = await readSettings(transaction.client, workspaceId);
    if (stop.lifted_at === null) await checkAssurance(transaction.client, who, 'lift', transaction.now);
    if (stop.lifted_at !== null || !two.lift.includes(stop.scope)) return liftIn(transaction, who, id, reason);
    return propose(transaction, who, {
      kind: 'lift',
      scope: stop.scope,
      target: stop.target,
      reason,
      containmentId: stop.id,
    });
  });
}

/** Brings the agent back, or proposes to where a stop of its own takes two people to lift. */
export function askToRestore(
  log: ActionLog,
  who: Administrator,
  agentOrId: string,
  reason: string,
): Promise<Agent | Proposal> {
  const { workspaceId } = who;
  return log.transact(workspaceId, async (transaction) => {
    const { client } = transaction;
    const agent = await readAgent(client, workspaceId, agentOrId);
    if (agent.status !== 'active') await checkAssurance(client, who, 'lift', transaction.now);
    const own = await standingOrder(client, workspaceId, 'agent', agent.name);
    const { two_people: two } = await readSettings(client, workspaceId);
    if (own === undefined || !two.lift.includes('agent')) return restoreIn(transaction, who, agentOrId, reason);
    return propose(transaction, who, {
      kind: 'restore',
      scope: 'agent',
      target: agent.name,
      reason,
      containmentId: own,
    });
  });
}

/** Changes the settings, or proposes to: once they ask for two people, so does changing them. */
export function askForSettings(
  log: ActionLog,
  who: Administrator,
  change: SettingsChange,
): Promise<Settings | Proposal> {
  const { workspaceId } = who;
  return log.transact(workspaceId, async (transaction) => {
    const before = await readSettings(transaction.client, workspaceId);
    const settings = changedBy(before, change);
    if (!asksForTwo(before)) return writeSettings(transaction, who, settings);
    return propose(transaction, who, { kind: 'settings', scope: null, target: 'containment', reason: '', settings });
  });
}

/** Marks it confirmed by another person than proposed it. */
async function confirmIn(transaction: LoggedTransaction, who: Administrator, proposal: Proposal): Promise<void> {
  const { client } = transaction;
  const { workspaceId, actor } = who;
  const person = await personOf(client, who);
  await checkAssurance(client, who, 'confirm', transaction.now);
  if (proposal.status !== 'proposed') throw closed(proposal);
  if (proposal.proposed_by === actor || proposal.proposed_by_person === person.email)
    throw new Failure(
      403,
      'proposal_own',
      `${person.email} has proposed this.`,
      'Have another person confirm it, with a key of their own.',
    );
  // Whoever has left since is no second person.
  const { proposed_by_person: proposer, proposed_by: by } = proposal;
  // A detection is nobody, and stands there under its own name.
  if (proposer !== by && !(await readPerson(client, workspaceId, proposer)).active)
    throw new Failure(
      409,
      'proposer_inactive',
      `${proposer}, who has proposed this, is not active.`,
      'Withdraw it, and propose it again.',
    );
  await client.query(
    `UPDATE containment_proposals SET status = 'confirmed', ended_at = clock_timestamp(), ended_by = $3, confirmed_by_id = $4
      WHERE workspace_id = $1 AND id = $2`,
    [workspaceId, proposal.id, actor, person.id],
  );
  note(transaction, actor, proposal, 'confirmed', { person: person.email });
}

/**
 * Throws `proposal_not_found`, `person_required`, `person_inactive`, `proposal_own`, `proposer_inactive`,
 * `proposal_closed`, and whatever giving or lifting the stop itself may: then it stays proposed.
 */
export async function confirmProposal(context: StopContext, who: Administrator, id: string): Promise<Proposal> {
  const { workspaceId } = who;
  const order = { orderedAtMs: context.clock(), started: performance.now() };
  const done = await commitOrAbort(context, workspaceId, await stopProposed(context, who, id), async (transaction) => {
    const { client } = transaction;
    const proposal = await readProposal(client, workspaceId, id);
    await confirmIn(transaction, who, proposal);
    return { proposal, stop: await carryOut(transaction, context, who, proposal, order.orderedAtMs) };
  });
  if (done.stop !== undefined) await completeStop(context, workspaceId, done.stop, order);
  if (done.proposal.scope === 'tool') context.path.invalidate(workspaceId);
  return readProposal(context.pool, workspaceId, id);
}

/** The stop that confirming would give: what is in flight under it is aborted though the log cannot be written. */
async function stopProposed(
  { pool }: StopContext,
  { workspaceId, actor, person }: Administrator,
  id: string,
): Promise<NewContainment | undefined> {
  const proposal = await readProposal(pool, workspaceId, id);
  const { kind, scope, target, reason, status, proposed_by, proposed_by_person } = proposal;
  if (kind !== 'kill' || scope === null || status !== 'proposed') return undefined;
  const isAnother = person !== undefined && proposed_by !== actor && proposed_by_person !== person.email;
  return isAnother ? { scope, target, reason } : undefined;
}

async function carryOut(
  transaction: LoggedTransaction,
  { nodeId }: StopContext,
  who: Administrator,
  { id, kind, scope, target, containment, settings, reason }: Proposal,
  orderedAtMs: number,
) {
  const { client } = transaction;
  const { workspaceId } = who;
  switch (kind) {
    case 'kill':
      return commitStop(
        transaction,
        who,
        { scope: scope ?? 'agent', target, reason, proposalId: id },
        orderedAtMs,
        nodeId,
      );
    case 'lift':
    case 'restore': {
      // The stop that was looked at, and no later one of the same target.
      const stop = await readContainment(client, workspaceId, containment ?? '');
      if (stop.lifted_at !== null) return undefined;
      await client.query('UPDATE containments SET lift_proposal_id = $3 WHERE workspace_id = $1 AND id = $2', [
        workspaceId,
        stop.id,
        id,
      ]);
      if (kind === 'lift') await liftIn(transaction, who, stop.id, reason);
      else await restoreIn(transaction, who, target, reason, 'stop');
      return undefined;
    }
    case 'settings':
      await writeSettings(transaction, who, storedSettings.parse(settings), id);
      return undefined;
  }
}

/**
 * By the proposer or any other person: what is withdrawn has not happened. Throws `person_required`, `person_inactive`,
 * `proposal_not_found`, `proposal_closed`.
 */
export function withdrawProposal(log: ActionLog, who: Administrator, id: string, reason: string): Promise<Proposal> {
  const { workspaceId, actor } = who;
  return log.transact(workspaceId, async (transaction) => {
    const { client } = transaction;
    const person = await personOf(client, who);
    const proposal = await readProposal(client, workspaceId, id);
    if (proposal.status !== 'proposed') throw closed(proposal);
    await end(client, workspaceId, id, 'withdrawn', actor);
    note(transaction, actor, proposal, 'withdrawn', { reason, person: person.email });
    return readProposal(client, workspaceId, id);
  });
}

async function end(
  client: ClientBase,
  workspaceId: WorkspaceId,
  id: string,
  status: 'withdrawn' | 'expired',
  actor: string,
): Promise<void> {
  await client.query(
    `UPDATE containment_proposals SET status = $3, ended_at = clock_timestamp(), ended_by = $4
      WHERE workspace_id = $1 AND id = $2 AND status = 'proposed'`,
    [workspaceId, id, status, actor],
  );
}

const DUE = `
SELECT workspace_id AS "workspaceId", id FROM containment_proposals
 WHERE status = 'proposed' AND answer_by <= clock_timestamp() ORDER BY answer_by LIMIT 100`;

/** Records those that nobody confirmed in time. On several nodes at once, one of them records each. */
export async function expireProposals({
  pool,
  log,
  logger,
}: Pick<StopContext, 'pool' | 'log' | 'logger'>): Promise<void> {
  const { rows } = await pool.query<{ workspaceId: WorkspaceId; id: string }>(DUE);
  for (const { workspaceId, id } of rows)
    await expire(log, workspaceId, id).catch((error: unknown) =>
      logger.warn({ err: error, workspaceId, proposal: id }, 'a proposal could not be recorded as expired'),
    );
}

function expire(log: ActionLog, workspaceId: WorkspaceId, id: string): Promise<void> {
  return log.transact(workspaceId, async (transaction) => {
    const { client } = transaction;
    const { rowCount } = await client.query(
      `SELECT FROM containment_proposals WHERE workspace_id = $1 AND id = $2 AND status = 'proposed'`,
      [workspaceId, id],
    );
    if (rowCount === 0) return;
    const proposal = await readProposal(client, workspaceId, id);
    await end(client, workspaceId, id, 'expired', 'system');
    note(transaction, 'system', proposal, 'expired');
  });
}

function closed({ id, status }: Proposal): Failure {
  return new Failure(409, 'proposal_closed', `The proposal "${id}" is ${status}.`, 'Propose it again.');
}
