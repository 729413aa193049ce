/** Whose blast radius: by the names that people use, and with the world it is computed in. */
import type { RadiusAgent, RadiusSubject, RadiusWorld } from '@hivekey/policy';
import type { Pool } from 'pg';
import { z } from 'zod';
import { readAgent } from '../agents/index.ts';
import type { WorkspaceId } from '../ids.ts';
import { readPerson } from '../people/index.ts';
import { roleNotFound } from '../roles/index.ts';
import type { RadiusView, SUBJECT_KINDS } from './view.ts';
import { radiusAgent, type World } from './world.ts';

export type SubjectKind = (typeof SUBJECT_KINDS)[number];

/** Members of a query or body that name a subject; none of them: the workspace. */
export const askedShape = {
  agent: z.string().min(1).max(128).optional(),
  role: z.string().min(1).max(128).optional(),
  owner: z.string().min(1).max(254).optional(),
};
export const ONE_SUBJECT = { error: 'name one of agent, role and owner', path: ['agent'] };

export interface Asked {
  readonly agent?: string | undefined;
  readonly role?: string | undefined;
  readonly owner?: string | undefined;
}

export function isOneSubject({ agent, role, owner }: Asked): boolean {
  return [agent, role, owner].filter((each) => each !== undefined).length <= 1;
}

export interface Named {
  readonly subject: RadiusSubject;
  readonly view: RadiusView['subject'];
  /** No larger than it takes: an agent that is stopped is in it as if it were not. */
  readonly world: RadiusWorld;
  /** Whose agents they are, where they are one person's. */
  readonly ownerId?: string;
}

/** Throws `agent_not_found`, `role_not_found`, `person_not_found`. */
export async function nameSubject(
  pool: Pool,
  workspaceId: WorkspaceId,
  read: World,
  { agent, role, owner }: Asked,
): Promise<Named> {
  const { world } = read;
  if (agent !== undefined) return nameAgent(read, (await readAgent(pool, workspaceId, agent)).id, agent);
  if (role !== undefined) return nameRole(read, role);
  if (owner !== undefined) {
    const { id, email } = await readPerson(pool, workspaceId, owner);
    return nameOwner(read, id, email);
  }
  return { subject: { kind: 'workspace' }, view: { kind: 'workspace', id: '*', name: '*', status: null }, world };
}

/** One that was accepted before. Undefined: it is not there any more. */
export function nameAccepted(read: World, kind: SubjectKind, id: string, name: string): Named | undefined {
  switch (kind) {
    case 'agent':
      return read.agents.has(id) ? nameAgent(read, id, name) : undefined;
    case 'role':
      return read.world.set.roles.some((role) => role.name === id) ? nameRole(read, id) : undefined;
    case 'owner':
      return nameOwner(read, id, name);
    case 'workspace':
      return {
        subject: { kind: 'workspace' },
        view: { kind: 'workspace', id: '*', name: '*', status: null },
        world: read.world,
      };
  }
}

function nameAgent(read: World, id: string, asked: string): Named {
  // One that is not known was revoked, or made a moment ago.
  const nobody = { id, name: asked, ownerId: '', owner: '', roles: [], status: 'revoked' } as const;
  const known = read.agents.get(id) ?? nobody;
  const { name, status } = known;
  const agents = new Map(read.world.agents.map((each) => [each.id, each]));
  const self = agents.get(id) ?? radiusAgent(known);
  agents.set(id, self);
  return {
    subject: { kind: 'agent', id },
    view: { kind: 'agent', id, name, status },
    world: { ...read.world, agents: reachedFrom(agents, self) },
    ownerId: known.ownerId,
  };
}

/** An agent, and those whose credentials it can come by, one through the other. */
function reachedFrom(agents: ReadonlyMap<string, RadiusAgent>, self: RadiusAgent): RadiusAgent[] {
  const found = new Map([[self.id, self]]);
  for (const { actsAs = [] } of found.values())
    for (const id of actsAs) {
      const other = agents.get(id);
      if (other !== undefined && !found.has(id)) found.set(id, other);
    }
  return [...found.values()];
}

function nameRole({ world }: World, name: string): Named {
  if (!world.set.roles.some((role) => role.name === name)) throw roleNotFound(name);
  return { subject: { kind: 'role', id: name }, view: { kind: 'role', id: name, name, status: null }, world };
}

function nameOwner({ world }: World, id: string, email: string): Named {
  return { subject: { kind: 'owner', id }, view: { kind: 'owner', id, name: email, status: null }, world, ownerId: id };
}
