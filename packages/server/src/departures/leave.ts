/**
 * A person leaves. One transaction stops the agents they own and ends everything with which they reach HiveKey; then what
 * runs is aborted, here and on the other nodes, before anybody is answered.
 */
import { type LeftAgent, ownerLeft } from '../agents/index.ts';
import { cancelOfAgents, cancelWithout } from '../approvals/index.ts';
import { type ProbeSubject, probeSubject } from '../containment/index.ts';
import { endDelegationsOf } from '../delegations/index.ts';
import { Failure } from '../errors.ts';
import { endSessionsOf, revokeKeysOf } from '../identity/index.ts';
import type { AgentId, PersonId, WorkspaceId } from '../ids.ts';
import { type LoggedTransaction, LogUnavailable } from '../log/index.ts';
import { completeDeparture, type LeaveContext } from './complete.ts';
import { endCredentialsOf } from './credentials.ts';
import { countKnownCredentials } from './known-credentials.ts';
import { openTask } from './open-task.ts';
import { withdrawOffersTo } from './transfer.ts';

/** Who said that the person has left; of an audit firm, that the engagement is over. */
export type Cause = 'administrator' | 'scim' | 'engagement';

export interface Actor {
  readonly workspaceId: WorkspaceId;
  /** As it stands in the log. */
  readonly actor: string;
}

export interface Leaver {
  readonly id: PersonId;
  readonly email: string;
}

/** What a committed departure leaves to be done. */
export interface Departure {
  /** Absent where the person owned no agent. */
  readonly taskId: string | undefined;
  readonly agentIds: readonly AgentId[];
  /** For whom a refusal can be measured. */
  readonly subject: ProbeSubject | undefined;
}

/**
 * Deactivates the person with all that follows from it, inside the transaction given to `withDepartures`. Nothing, and
 * false, for somebody who is not active. The caller writes `person.changed`, as it knows what else has changed.
 */
export type Leave = (who: Actor, person: Leaver, cause: Cause) => Promise<boolean>;

/**
 * Runs a transaction in which people may leave. Resolves when it is committed and nothing that their agents had recorded
 * before can begin any more, on any node. Rejects as `log.transact` does, and with `last_break_glass`.
 */
export async function withDepartures<T>(
  context: LeaveContext,
  workspaceId: WorkspaceId,
  change: (transaction: LoggedTransaction, leave: Leave) => Promise<T>,
): Promise<T> {
  const order = { orderedAtMs: context.clock(), startedMs: performance.now() };
  const departures: Departure[] = [];
  let value: T;
  try {
    value = await context.log.transact(workspaceId, (transaction) =>
      change(transaction, async (who, person, cause) => {
        const departure = await personLeft(transaction, context.nodeId, order.orderedAtMs, who, person, cause);
        if (departure !== undefined) departures.push(departure);
        return departure !== undefined;
      }),
    );
  } catch (error) {
    // Whether it was committed may be unknown: what runs is aborted all the same.
    if (error instanceof LogUnavailable)
      for (const { agentIds } of departures)
        void context.path.stop(workspaceId, { kind: 'agents', agentIds: new Set(agentIds) });
    throw error;
  }
  await Promise.all(departures.map((departure) => completeDeparture(context, workspaceId, departure, order)));
  return value;
}

/** One person leaves, and nothing else happens. */
export function leave(context: LeaveContext, who: Actor, person: Leaver, cause: Cause): Promise<boolean> {
  return withDepartures(context, who.workspaceId, async ({ log }, leaving) => {
    const hasLeft = await leaving(who, person, cause);
    if (hasLeft)
      log({
        kind: 'person.changed',
        actor: who.actor,
        person_id: person.id,
        person: person.email,
        change: 'changed',
        changes: { active: [true, false] },
      });
    return hasLeft;
  });
}

async function personLeft(
  transaction: LoggedTransaction,
  nodeId: string,
  orderedAtMs: number,
  { workspaceId, actor }: Actor,
  person: Leaver,
  cause: Cause,
): Promise<Departure | undefined> {
  const { client } = transaction;
  const { rows } = await client.query<{ break_glass: boolean; others: number }>(
    `SELECT p.break_glass, CASE WHEN p.break_glass THEN (
              SELECT count(*) FROM passkeys k
                JOIN people o ON o.workspace_id = k.workspace_id AND o.id = k.person_id AND o.break_glass AND o.active
               WHERE k.workspace_id = $1 AND k.person_id <> $2 AND k.revoked_at IS NULL) ELSE 0 END AS others
       FROM people p WHERE p.workspace_id = $1 AND p.id = $2 AND p.active`,
    [workspaceId, person.id],
  );
  const [known] = rows;
  if (known === undefined) return undefined;
  if (known.break_glass && known.others === 0) throw lastBreakGlass(person);
  const reason = `${person.email} has left`;
  const agents = await ownerLeft(transaction, { workspaceId, actor }, person.id);
  const agentIds = agents.map(({ agentId }) => agentId);
  const cancelled =
    (await cancelOfAgents(transaction, workspaceId, agentIds, { actor, reason: 'the owner was deactivated' })) +
    (await cancelWithout(transaction, workspaceId, person, { actor }));
  const delegationsEnded = await endDelegationsOf(transaction, workspaceId, actor, person);
  const offersWithdrawn = await withdrawOffersTo(transaction, workspaceId, person.id, { actor, reason });
  const sessionsEnded = await endSessionsOf(transaction, workspaceId, person.id, { actor, reason });
  const keysRevoked = await revokeKeysOf(transaction, workspaceId, person.id, { actor, reason });
  const ended = await endCredentialsOf(transaction, workspaceId, person, { actor, reason });
  await client.query('UPDATE people SET active = false WHERE workspace_id = $1 AND id = $2', [workspaceId, person.id]);
  const credentialsKnown = await countKnownCredentials(client, workspaceId, person);
  const task =
    agents.length === 0
      ? undefined
      : await openTask(transaction, { workspaceId, actor, person, cause, nodeId, orderedAtMs, agents });
  transaction.log({
    kind: 'person.left',
    actor,
    person_id: person.id,
    person: person.email,
    cause,
    agents: agents.length,
    suspended: agents.filter(({ before, after }) => before !== after).length,
    tokens_ended: agents.reduce((total, { tokensEnded }) => total + tokensEnded, 0),
    approvals_cancelled: cancelled,
    delegations_ended: delegationsEnded,
    offers_withdrawn: offersWithdrawn,
    sessions_ended: sessionsEnded,
    keys_revoked: keysRevoked,
    passkeys_revoked: ended.passkeysRevoked,
    invitations_revoked: ended.invitationsRevoked,
    credentials_known: credentialsKnown,
    task_id: task?.id,
    due_at: task?.dueAt.toISOString(),
  });
  return { taskId: task?.id, agentIds, subject: await subjectOf(transaction, workspaceId, agents) };
}

function lastBreakGlass({ email }: Leaver): Failure {
  return new Failure(
    409,
    'last_break_glass',
    `${email} is the last account for emergencies that can sign in.`,
    'Register the passkey of another one first, or have this one be no such account any more.',
  );
}

/** One that could act until now, so that nothing else is what refuses it. */
function subjectOf(
  { client }: LoggedTransaction,
  workspaceId: WorkspaceId,
  agents: readonly LeftAgent[],
): Promise<ProbeSubject | undefined> {
  const stopped = agents.find(({ before }) => before === 'active');
  return stopped === undefined
    ? Promise.resolve(undefined)
    : probeSubject(client, workspaceId, { scope: 'agent', agentIds: [stopped.agentId] });
}
