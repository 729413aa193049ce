/**
 * Whether a remediation has taken effect: the state is read again, after the fact and apart from whatever changed it, and where
 * an agent lost something, the decision engine is asked whether it still lets it.
 */
import { createHash } from 'node:crypto';
import { canonicalJson } from '@hivekey/action-log';
import type { JsonObject, JsonValue } from '@hivekey/policy';
import { readAgent } from '../agents/index.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import { evaluate } from '../policies/index.ts';
import { contentHash } from '../versions/index.ts';
import type { ReviewContext } from './context.ts';
import { inNameOf } from './execute.ts';
import type { DecisionRow, ItemRow } from './rows.ts';

export interface Verified {
  readonly took: boolean;
  readonly method: string;
  /** What was read, in canonical form. */
  readonly state: string;
  readonly sha256: string;
  /** Why it did not take effect. */
  readonly problem: string | null;
}

/** Dry runs of one verification. */
const MOST_ASKED = 200;

export async function verify(
  context: ReviewContext,
  workspaceId: WorkspaceId,
  item: ItemRow,
  kind: 'revoke' | 'modify' | 'suspend',
  decision: DecisionRow | undefined,
): Promise<Verified> {
  if (kind === 'modify') return documentsInForce(context, workspaceId, decision);
  if (kind === 'suspend') return stopped(context, workspaceId, item);
  switch (item.type) {
    case 'assignment':
      return roleGone(context, workspaceId, item);
    case 'role':
      return definitionGone(context, workspaceId, item);
    default:
      return rowGone(context, workspaceId, item);
  }
}

function judged(method: string, state: JsonObject, problem: string | null): Verified {
  const text = canonicalJson(state);
  return {
    took: problem === null,
    method,
    state: text,
    sha256: createHash('sha256').update(text).digest('hex'),
    problem,
  };
}

/** The agent does not wear the role, and what only that role granted is denied. */
async function roleGone(context: ReviewContext, workspaceId: WorkspaceId, item: ItemRow): Promise<Verified> {
  const agent = await readAgent(context.pool, workspaceId, item.agentId ?? '');
  const granted = (await context.path.policy(workspaceId)).granted(agent.roles);
  const asked = item.facts.capabilities.filter((capability) => !granted.has(capability)).slice(0, MOST_ASKED);
  const verdicts: Record<string, string> = {};
  for (const action of asked) {
    const { verdict } = await evaluate(context, inNameOf(workspaceId, undefined), {
      agent: agent.id,
      action,
      arguments: {},
    });
    verdicts[action] = verdict;
  }
  const state = {
    agent_id: agent.id,
    status: agent.status,
    roles: agent.roles,
    dry_run: verdicts,
    granted_by_other_roles: item.facts.capabilities.filter((capability) => granted.has(capability)),
  };
  const let_ = Object.entries(verdicts).filter(([, verdict]) => verdict !== 'deny');
  const problem = agent.roles.includes(item.role ?? '')
    ? `${agent.name} wears ${item.role} still, or again`
    : let_.length > 0
      ? `a dry run of ${let_.map(([action]) => action).join(', ')} is not denied`
      : null;
  return judged(`roles of the agent read again, and a dry run of ${asked.length} capabilities`, state, problem);
}

/** Nobody wears the role, and there is none of that name in force. */
async function definitionGone({ pool }: ReviewContext, workspaceId: WorkspaceId, { role }: ItemRow): Promise<Verified> {
  const { rows } = await pool.query<{ revision: number; agents: string[] }>(
    `SELECT r.current_revision AS revision,
            ARRAY(SELECT w.agent_id FROM agent_roles w JOIN agents a ON a.workspace_id = w.workspace_id AND a.id = w.agent_id
                   WHERE w.workspace_id = r.workspace_id AND w.role = r.name AND a.rehearsal_id IS NULL ORDER BY 1) AS agents
       FROM roles r WHERE r.workspace_id = $1 AND r.name = $2`,
    [workspaceId, role],
  );
  const revision = rows[0]?.revision ?? 0;
  const agents = rows[0]?.agents ?? [];
  const problem =
    revision !== 0
      ? `the role ${role} is in force at revision ${revision}`
      : agents.length > 0
        ? `${agents.length} agents wear ${role}`
        : null;
  return judged('the role and who wears it read again', { role, revision, agents }, problem);
}

async function stopped(context: ReviewContext, workspaceId: WorkspaceId, item: ItemRow): Promise<Verified> {
  const { rows } = await context.pool.query<{ id: string; status: string }>(
    `SELECT a.id, s.status FROM agents a JOIN agent_state s ON s.workspace_id = a.workspace_id AND s.agent_id = a.id
      WHERE a.workspace_id = $1 AND a.rehearsal_id IS NULL
        AND (a.id = $2 OR EXISTS (SELECT FROM agent_roles w WHERE w.workspace_id = a.workspace_id AND w.agent_id = a.id AND w.role = $3))
      ORDER BY a.id`,
    [workspaceId, item.agentId, item.type === 'role' ? item.role : null],
  );
  const active = rows.filter(({ status }) => status === 'active');
  const state = { agents: Object.fromEntries(rows.map(({ id, status }) => [id, status])) };
  return judged(
    'the status of the agents read again',
    state,
    active.length > 0 ? `${active.length} of the agents are active` : null,
  );
}

/** Each document is what was decided; or a later one that came by a change of its own. */
async function documentsInForce(
  { pool, controlled }: ReviewContext,
  workspaceId: WorkspaceId,
  decision: DecisionRow | undefined,
): Promise<Verified> {
  const documents: Record<string, JsonValue> = {};
  const wrong: string[] = [];
  for (const { type, id, document } of decision?.operations ?? []) {
    const now = await controlled.get(type)?.read(pool, workspaceId, id);
    const is = now === undefined ? null : contentHash(now);
    documents[`${type} ${id}`] = is;
    if (is !== (document === null ? null : contentHash(document)))
      wrong.push(`the ${type.replaceAll('_', ' ')} "${id}"`);
  }
  const problem = wrong.length === 0 ? null : `${wrong.join(', ')} is not what was decided`;
  return judged('the documents read again and compared by their hashes', { documents }, problem);
}

const GONE: Readonly<Record<string, string>> = {
  token: `SELECT t.revoked_at IS NULL AND t.expires_at > clock_timestamp() AND t.authz_epoch = s.authz_epoch AS live
            FROM agent_tokens t JOIN agent_state s ON s.workspace_id = t.workspace_id AND s.agent_id = t.agent_id
           WHERE t.workspace_id = $1 AND t.id = $2`,
  agent_credential: `SELECT c.revoked_at IS NULL AND c.not_after > clock_timestamp() AND c.authz_epoch = s.authz_epoch AS live
            FROM agent_credentials c JOIN agent_state s ON s.workspace_id = c.workspace_id AND s.agent_id = c.agent_id
           WHERE c.workspace_id = $1 AND c.id = $2`,
  admin_key: `SELECT revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp()) AS live
            FROM admin_keys WHERE workspace_id = $1 AND id = $2`,
  delegation: `SELECT ended_at IS NULL AND ends_at > clock_timestamp() AS live FROM delegations WHERE workspace_id = $1 AND id = $2`,
  temporary_grant: `SELECT in_policy AND ends_at > clock_timestamp() AS live FROM freeze_overrides WHERE workspace_id = $1 AND id = $2`,
  break_glass: `SELECT active AS live FROM people WHERE workspace_id = $1 AND id = $2`,
  grant: `SELECT active AND (cardinality(roles) > 0 OR coalesce(jsonb_array_length(authority), 0) > 0) AS live
            FROM people WHERE workspace_id = $1 AND id = $2`,
  standing_approval: `SELECT EXISTS (SELECT FROM jsonb_array_elements(settings -> 'standard') s WHERE s ->> 'name' = $2) AS live
            FROM change_settings WHERE workspace_id = $1`,
};

async function rowGone({ pool }: ReviewContext, workspaceId: WorkspaceId, item: ItemRow): Promise<Verified> {
  const [, first = '', ...rest] = item.subject.split(':');
  const of =
    item.type === 'credential' ? (first === 'token' || first === 'admin_key' ? first : 'agent_credential') : item.type;
  const id = item.type === 'credential' ? rest.join(':') : [first, ...rest].join(':');
  const query = GONE[of];
  if (query === undefined)
    throw new Failure(500, 'review_unverifiable', `Nothing says how a ${of} is verified.`, 'Report this.');
  const { rows } = await pool.query<{ live: boolean }>(query, [workspaceId, id]);
  const isLive = rows[0]?.live === true;
  return judged(
    'the row read again',
    { [of]: id, live: isLive },
    isLive ? `${item.title}: it is there still, or again` : null,
  );
}
