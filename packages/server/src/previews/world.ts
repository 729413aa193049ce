/** What a change is looked at against: the policy in force, who wears its roles, and what their tools are. Read without locks. */
import { compilePolicy, type PolicySet } from '@hivekey/policy';
import type { Pool } from 'pg';
import type { z } from 'zod';
import { manifestOf, type visibleToolSchema } from '../agents/index.ts';
import { declaredCapabilities } from '../capabilities/index.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import { loadPolicySet } from '../roles/index.ts';
import type { Catalogue } from '../upstreams/index.ts';

export interface WorldAgent {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  readonly ownerId: string;
  readonly status: 'active' | 'suspended';
  readonly roles: readonly string[];
}

export interface World {
  readonly set: PolicySet;
  /** By name; without revoked ones and rehearsals. */
  readonly agents: readonly WorldAgent[];
  readonly catalogue: Catalogue;
  /** Capabilities that people declared for tools that agents run themselves. */
  readonly declared: ReadonlySet<string>;
  /** Capabilities that are offered no more, by what is changed. */
  readonly switchedOff: ReadonlySet<string>;
  readonly environment: string;
}

export async function readWorld(
  pool: Pool,
  catalogueOf: (workspaceId: WorkspaceId) => Promise<Catalogue>,
  workspaceId: WorkspaceId,
): Promise<World> {
  const [{ set }, agents, catalogue, declared, environment] = await Promise.all([
    loadPolicySet(pool, workspaceId),
    pool.query<WorldAgent>(
      `SELECT a.id, a.handle AS name, p.email AS owner, p.id AS "ownerId", s.status,
              ARRAY(SELECT r.role FROM agent_roles r WHERE r.workspace_id = a.workspace_id AND r.agent_id = a.id
                     ORDER BY r.position, r.role) AS roles
         FROM agents a
         JOIN agent_state s ON s.workspace_id = a.workspace_id AND s.agent_id = a.id
         JOIN people p ON p.workspace_id = a.workspace_id AND p.id = a.owner_id
        WHERE a.workspace_id = $1 AND a.rehearsal_id IS NULL AND s.status <> 'revoked'
        ORDER BY a.handle COLLATE "C"`,
      [workspaceId],
    ),
    catalogueOf(workspaceId),
    declaredCapabilities(pool, workspaceId),
    pool.query<{ environment: string }>('SELECT environment FROM workspaces WHERE id = $1', [workspaceId]),
  ]);
  const [workspace] = environment.rows;
  if (workspace === undefined)
    throw new Failure(404, 'workspace_not_found', 'There is no such workspace.', 'Sign in again.');
  return {
    set,
    agents: agents.rows,
    catalogue,
    declared,
    switchedOff: new Set(),
    environment: workspace.environment,
  };
}

/** What somebody with these roles sees. */
export function toolsOf(world: World, roles: readonly string[]): readonly z.output<typeof visibleToolSchema>[] {
  const granted = compiled(world.set).granted(roles);
  return manifestOf(world.catalogue, world.set, world.declared, granted, roles).filter(
    ({ capability }) => !world.switchedOff.has(capability),
  );
}

const COMPILED = new WeakMap<PolicySet, ReturnType<typeof compilePolicy>>();

/** Each policy once: a preview asks it in several places. */
export function compiled(set: PolicySet) {
  const held = COMPILED.get(set) ?? compilePolicy(set);
  COMPILED.set(set, held);
  return held;
}
