/** Asks the recording transaction for a stopped agent, to measure that it refuses. */
import type { ClientBase, Pool } from 'pg';
import type { AgentId, PersonId, TokenId, WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';
import { type Intent, type Principal, refuse } from '../path/index.ts';
import type { CommittedStop, Stop } from './commit.ts';
import { standingOrder } from './standing.ts';

const SUBJECT = `
SELECT w.name AS workspace, w.environment, a.id, a.handle, a.owner_id, p.email, s.revision, s.authz_epoch, ws.policy_revision
  FROM agents a
  JOIN workspaces w ON w.id = a.workspace_id
  JOIN workspace_state ws ON ws.workspace_id = a.workspace_id
  JOIN agent_state s ON s.workspace_id = a.workspace_id AND s.agent_id = a.id
  JOIN people p ON p.workspace_id = a.workspace_id AND p.id = a.owner_id
 WHERE a.workspace_id = $1`;
// Two texts, as the log's session plans a statement without its values: one of both would read every agent.
/** Of a stop of agents: one of them, by the state it has now, so that nothing but the stop can be what refuses. */
const OF_AGENT = `${SUBJECT} AND a.id = $2`;
/** Of a stop of a tool: any agent that could act. */
const ANYBODY = `${SUBJECT} AND s.status = 'active' LIMIT 1`;

export interface ProbeSubject {
  readonly workspace: string;
  readonly environment: string;
  readonly id: AgentId;
  readonly handle: string;
  readonly owner_id: PersonId;
  readonly email: string;
  readonly revision: number;
  readonly authz_epoch: number;
  readonly policy_revision: number;
}

/** Read in the transaction of the stop, after its changes. Of a tool, as of the policy before the stop. */
export async function probeSubject(
  client: ClientBase,
  workspaceId: WorkspaceId,
  { scope, agentIds }: Pick<Stop, 'scope' | 'agentIds'>,
): Promise<ProbeSubject | undefined> {
  const [agentId] = agentIds;
  if (scope !== 'tool' && agentId === undefined) return undefined;
  const { rows } = await (scope === 'tool'
    ? client.query<ProbeSubject>(ANYBODY, [workspaceId])
    : client.query<ProbeSubject>(OF_AGENT, [workspaceId, agentId]));
  const [subject] = rows;
  return subject && scope === 'tool' ? { ...subject, policy_revision: subject.policy_revision - 1 } : subject;
}

const LIFE_MS = 60_000;

function intentOf(workspaceId: WorkspaceId, row: ProbeSubject, capability: string, nowMs: number): Intent {
  const principal: Principal = {
    workspaceId,
    workspace: row.workspace,
    environment: row.environment,
    agentId: row.id,
    agent: row.handle,
    ownerId: row.owner_id,
    owner: row.email,
    roles: [],
    tokenId: 'tok_probe' as TokenId,
    tokenExpiresAtMs: nowMs + LIFE_MS,
    agentRevision: row.revision,
    authzEpoch: row.authz_epoch,
  };
  return {
    principal,
    action: {
      entrance: 'actions',
      capability,
      tool: capability,
      known: false,
      arguments: {},
      argumentsJson: '{}',
      receivedAtMs: nowMs,
    },
    // A denial: should it ever be recorded, it has allowed nothing.
    evaluation: refuse(
      { hash: '', revision: row.policy_revision },
      'containment',
      'containment: probe of a stop that was lifted meanwhile',
    ),
    redactedArguments: {},
    argumentsDigest: '',
  };
}

/** Whether the recording transaction refuses the agent now. Rejects when it cannot be asked. */
export async function isRefused(
  { log, clock }: { readonly log: ActionLog; readonly clock: () => number },
  workspaceId: WorkspaceId,
  subject: ProbeSubject,
  capability = 'hivekey.probe',
): Promise<boolean> {
  return (await log.recordIntent(intentOf(workspaceId, subject, capability, clock()))).kind === 'stale';
}

/** `nobody`: there is no agent to ask for. `unseen`: the stop was lifted meanwhile, or the log did not answer. */
export type Probe = 'refused' | 'nobody' | 'unseen';

/** Resolves once the recording transaction has refused, or it is clear that it cannot be asked. Rejects, as a bug, when it did not refuse. */
export async function seeRefusal(
  context: { readonly pool: Pool; readonly log: ActionLog; readonly clock: () => number },
  workspaceId: WorkspaceId,
  { id, scope, target, subject }: CommittedStop,
  capability?: string,
): Promise<Probe> {
  if (subject === undefined) return 'nobody';
  try {
    if (await isRefused(context, workspaceId, subject, capability)) return 'refused';
    if ((await standingOrder(context.pool, workspaceId, scope, target)) !== id) return 'unseen';
  } catch {
    return 'unseen';
  }
  throw new Error(`the stop ${id} stands, and an intent under it was recorded`);
}
