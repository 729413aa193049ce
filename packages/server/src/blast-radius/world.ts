/** What the bound is computed from, as it is enforced now: policy, agents with what they wear, and what people have stated. */
import type { BlastRadius, PolicySet, RadiusAgent, RadiusWorld } from '@hivekey/policy';
import type { Pool, PoolClient } from 'pg';
import { rolesUnder } from '../agents/index.ts';
import type { WorkspaceId } from '../ids.ts';
import { loadPolicySet } from '../roles/index.ts';
import { compute } from './compute.ts';
import { type ContainmentTime, containmentTime, measuredRevocation } from './containment-time.ts';
import type { Alike } from './fleet.ts';
import { readSettings } from './settings.ts';
import type { Named } from './subjects.ts';
import { listToolLimits, outsideLimit } from './tool-limits.ts';

export interface KnownAgent {
  readonly id: string;
  readonly name: string;
  readonly ownerId: string;
  readonly owner: string;
  readonly status: 'active' | 'suspended' | 'revoked';
  /** As they count: under quarantine with its mark. */
  readonly roles: readonly string[];
}

export interface World {
  /** Of agents that may act. What a stop takes away for a while is not taken off: it comes back in one move. */
  readonly world: RadiusWorld;
  /** All of them, stopped ones too, by id; not those that were revoked. */
  readonly agents: ReadonlyMap<string, KnownAgent>;
  readonly containment: ContainmentTime;
  /** The same as long as nothing of this has changed, but for times that are measured. */
  readonly basis: string;
}

interface Held {
  readonly basis: string;
  readonly set: PolicySet;
  readonly rest: Omit<RadiusWorld, 'set' | 'containmentSeconds'>;
  readonly agents: ReadonlyMap<string, KnownAgent>;
  readonly settings: Awaited<ReturnType<typeof readSettings>>;
}

/** Reads worlds, and keeps the last one of each workspace while it is as the database has it. */
export class Worlds {
  readonly #pool: Pool;
  readonly #held = new Map<WorkspaceId, Held>();
  /** By what it is of; what it was computed from. */
  readonly #computed = new Map<WorkspaceId, { readonly of: string; readonly results: Map<string, Promise<unknown>> }>();

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** Changes with whatever the numbers are computed from, but for times that are measured. */
  basis(workspaceId: WorkspaceId): Promise<string> {
    return readBasis(this.#pool, workspaceId);
  }

  async read(workspaceId: WorkspaceId): Promise<World> {
    const basis = await readBasis(this.#pool, workspaceId);
    const known = this.#held.get(workspaceId);
    const held = known?.basis === basis ? known : await this.#readAnew(workspaceId);
    const containment = containmentTime(held.settings, await measuredRevocation(this.#pool, workspaceId));
    const seconds = containment.seconds === null ? {} : { containmentSeconds: containment.seconds };
    return {
      world: { ...held.rest, set: held.set, ...seconds },
      agents: held.agents,
      containment,
      basis: held.basis,
    };
  }

  /** What any agent can do by itself, computed once for those that are alike and as long as nothing changes. */
  fleet(workspaceId: WorkspaceId, read: World): Promise<readonly Alike[]> {
    return this.#once(workspaceId, read, 'fleet', () => compute({ kind: 'fleet', world: read.world }));
  }

  /** Of an agent it is computed each time, of many once and as long as nothing changes. */
  radius(workspaceId: WorkspaceId, read: World, { subject, world }: Named): Promise<BlastRadius> {
    const run = (): Promise<BlastRadius> => compute({ kind: 'one', world, subject });
    return subject.kind === 'agent' ? run() : this.#once(workspaceId, read, JSON.stringify(subject), run);
  }

  #once<T>(workspaceId: WorkspaceId, { basis, world }: World, what: string, run: () => Promise<T>): Promise<T> {
    const of = `${basis} ${world.containmentSeconds ?? ''}`;
    let known = this.#computed.get(workspaceId);
    if (known?.of !== of) known = { of, results: new Map() };
    this.#computed.set(workspaceId, known);
    const { results } = known;
    const held = results.get(what);
    if (held !== undefined) return held as Promise<T>;
    const running = run();
    results.set(what, running);
    running.catch(() => results.delete(what));
    return running;
  }

  async #readAnew(workspaceId: WorkspaceId): Promise<Held> {
    const held = await inSnapshot(this.#pool, (client) => readIn(client, workspaceId));
    this.#held.set(workspaceId, held);
    return held;
  }
}

/**
 * The revisions of the policy and of all agents only grow, and say whatever happens to roles, owners and states; that an agent
 * has read what is not trusted is left out, as it changes nothing here. What people state has its times.
 */
async function readBasis(client: Pool | PoolClient, workspaceId: WorkspaceId): Promise<string> {
  const { rows } = await client.query<{ basis: string }>(
    `SELECT concat_ws('/', w.policy_revision,
              (SELECT count(*) || '.' || coalesce(sum(s.revision - s.marks), 0) FROM agent_state s WHERE s.workspace_id = w.workspace_id),
              (SELECT extract(epoch FROM b.updated_at) FROM blast_radius_settings b WHERE b.workspace_id = w.workspace_id),
              (SELECT count(*) || '.' || coalesce(extract(epoch FROM max(t.updated_at)), 0) FROM tool_limits t WHERE t.workspace_id = w.workspace_id)) AS basis
       FROM workspace_state w WHERE w.workspace_id = $1`,
    [workspaceId],
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`there is no workspace ${workspaceId}`);
  return row.basis;
}

async function readIn(client: PoolClient, workspaceId: WorkspaceId): Promise<Held> {
  const basis = await readBasis(client, workspaceId);
  const { set } = await loadPolicySet(client, workspaceId);
  const settings = await readSettings(client, workspaceId);
  const limits = await listToolLimits(client, workspaceId);
  const { rows } = await client.query<KnownAgent & { quarantine: { role: string | null } | null }>(
    `SELECT a.id, a.handle AS name, a.owner_id AS "ownerId", p.email AS owner, s.status,
            ARRAY(SELECT r.role FROM agent_roles r WHERE r.workspace_id = a.workspace_id AND r.agent_id = a.id ORDER BY r.position, r.role) AS roles,
            (SELECT json_build_object('role', q.role) FROM quarantines q
              WHERE q.workspace_id = a.workspace_id AND q.agent_id = a.id AND q.ended_at IS NULL) AS quarantine
       FROM agents a
       JOIN agent_state s ON s.workspace_id = a.workspace_id AND s.agent_id = a.id
       JOIN people p ON p.workspace_id = a.workspace_id AND p.id = a.owner_id
      WHERE a.workspace_id = $1 AND a.rehearsal_id IS NULL AND s.status <> 'revoked' ORDER BY a.id`,
    [workspaceId],
  );
  const agents = new Map(
    rows.map(({ quarantine, ...agent }) => [agent.id, { ...agent, roles: rolesUnder(quarantine, agent.roles) }]),
  );
  const others = Map.groupBy(settings.reaches, ({ agent }) => agent);
  return {
    basis,
    set,
    settings,
    agents,
    rest: {
      agents: [...agents.values()].flatMap((agent) => {
        if (agent.status !== 'active') return [];
        const actsAs = (others.get(agent.id) ?? []).map(({ other }) => other).filter((id) => agents.has(id));
        return [radiusAgent(agent, actsAs)];
      }),
      ...(limits.length === 0 ? {} : { outside: limits.map(outsideLimit) }),
      ...(settings.authority === null ? {} : { authority: settings.authority }),
    },
  };
}

export function radiusAgent({ id, name, ownerId, roles }: KnownAgent, actsAs: readonly string[] = []): RadiusAgent {
  return { id, name, ownerId, roles, ...(actsAs.length === 0 ? {} : { actsAs }) };
}

async function inSnapshot<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const result = await work(client);
    await client.query('COMMIT');
    client.release();
    return result;
  } catch (error) {
    client.release(true);
    throw error;
  }
}
