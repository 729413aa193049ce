/** The world as it would be with other documents: for whoever edits one. Nothing is stored. */
import {
  type Capability,
  checkGuards,
  checkRole,
  type JsonObject,
  type PolicySet,
  parsePolicyFile,
  quarantineMark,
  type RadiusAgent,
  type RadiusWorld,
  roleFromDocument,
} from '@hivekey/policy';
import { z } from 'zod';
import { jsonObject } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { valid } from '../roles/index.ts';

/** Of these types a document has a say in the numbers. */
const EDITABLE = ['role', 'workspace_guards', 'capability', 'assignment'] as const;

export const editSchema = z.object({
  type: z
    .string()
    .max(64)
    .meta({ description: `Others than ${EDITABLE.join(', ')} change no number.` }),
  id: z.string().min(1).max(256),
  document: jsonObject.nullable().meta({ description: 'What it becomes; null: it is removed.' }),
});

type EditedObject = z.output<typeof editSchema>;

const assignmentSchema = z.object({ roles: z.array(z.string().min(1).max(128)).max(32) });

/** Throws `role_invalid`, `guards_invalid`, `capability_invalid`, `assignment_invalid`, with the problems. */
export function editedWorld(world: RadiusWorld, edits: readonly EditedObject[]): RadiusWorld {
  return edits.reduce(edited, world);
}

function edited(world: RadiusWorld, { type, id, document }: EditedObject): RadiusWorld {
  const { set } = world;
  switch (type) {
    case 'role': {
      const role = document === null ? undefined : readRole(document, id, set);
      return withSet(world, { roles: replaced(set.roles, id, role) });
    }
    case 'workspace_guards': {
      const guards = checkGuards(document?.guards ?? [], 'workspace');
      return withSet(world, { workspaceGuards: valid(guards, 'guards_invalid', 'The guards') });
    }
    case 'capability': {
      const capability = document === null ? undefined : readCapability(document);
      return withSet(world, { capabilities: replaced(set.capabilities, id, capability) });
    }
    case 'assignment': {
      const parsed = assignmentSchema.safeParse(document ?? { roles: [] });
      if (!parsed.success)
        throw new Failure(
          422,
          'assignment_invalid',
          'The roles of an agent are a list of names.',
          'Send {"roles": ["support-agent"]}.',
        );
      const { roles } = parsed.data;
      return { ...world, agents: world.agents.map((agent) => (agent.id === id ? wearing(agent, roles) : agent)) };
    }
    default:
      return world;
  }
}

/** A quarantine stays. */
function wearing(agent: RadiusAgent, roles: readonly string[]): RadiusAgent {
  return { ...agent, roles: [...roles, ...agent.roles.filter((name) => name.startsWith(quarantineMark('')))] };
}

function readRole(document: unknown, id: string, set: PolicySet) {
  const revision = (set.roles.find(({ name }) => name === id)?.revision ?? 0) + 1;
  const checked = valid(checkRole(document), 'role_invalid', 'The role');
  return valid(roleFromDocument(checked, revision), 'role_invalid', 'The role');
}

function readCapability(document: JsonObject): Capability {
  const [found] = valid(parsePolicyFile(JSON.stringify(document)), 'capability_invalid', 'The capability');
  if (found?.kind === 'Capability') return found.capability;
  throw new Failure(422, 'capability_invalid', 'The document is of another kind.', 'Send `kind: Capability`.');
}

function withSet(world: RadiusWorld, change: Partial<PolicySet>): RadiusWorld {
  return { ...world, set: { ...world.set, ...change } };
}

function replaced<T extends { readonly name: string }>(all: readonly T[], name: string, by: T | undefined): T[] {
  const rest = all.filter((each) => each.name !== name);
  return by === undefined ? rest : [...rest, by].sort((a, b) => (a.name < b.name ? -1 : 1));
}
