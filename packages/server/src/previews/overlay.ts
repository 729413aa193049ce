/** A world as it would be after a change. Pure and in memory: no transaction holds anything up for a preview. */
import {
  type Capability,
  type Checked,
  checkGuards,
  checkSources,
  type Freeze,
  freezeFromDocument,
  type Guard,
  type JsonObject,
  type JsonValue,
  type PolicySet,
  parsePolicyFile,
  type Role,
  roleFromDocument,
} from '@hivekey/policy';
import type { ChangeOperation } from '../changes/index.ts';
import { Failure } from '../errors.ts';
import type { ObjectType } from '../versions/index.ts';
import type { World } from './world.ts';

/** Throws `change_invalid` for a document that its type has not parsed. */
export function overlay(world: World, operations: readonly ChangeOperation[]): World {
  return operations.reduce((after, operation) => LAID_OVER[operation.type]?.(after, operation) ?? after, world);
}

type Laid = (world: World, operation: ChangeOperation) => World;

/** What has a part in decisions and in what agents see; the rest is shown as a document. */
const LAID_OVER: { readonly [type in ObjectType]?: Laid } = {
  role: (world, { id, document }) => {
    const revision = (world.set.roles.find(({ name }) => name === id)?.revision ?? 0) + 1;
    const role = document === null ? undefined : checked(roleFromDocument(document, revision), 'role', id);
    return withSet(world, { roles: put<Role>(world.set.roles, id, role) });
  },
  workspace_guards: (world, { document }) => ({
    ...world,
    set: { ...world.set, workspaceGuards: document === null ? [] : workspaceGuards(document) },
  }),
  capability: (world, { id, document }) => {
    const capability = document === null ? undefined : capabilityIn(document, id);
    const declared = new Set(world.declared);
    if (document === null) declared.delete(id);
    else declared.add(id);
    return { ...withSet(world, { capabilities: put(world.set.capabilities, id, capability) }), declared };
  },
  freeze: (world, { id, document }) => {
    const freezes = world.set.freezes ?? [];
    const overrides = freezes.find(({ name }) => name === id)?.overrides ?? [];
    const freeze = document === null ? undefined : checked(freezeFromDocument(document, overrides), 'freeze', id);
    const isHere = freeze !== undefined && isOf(freeze, world.environment);
    return withSet(world, { freezes: put(freezes, id, isHere ? freeze : undefined) });
  },
  sources: (world, { document }) => {
    const { sources: _, ...rest } = world.set;
    if (document === null) return { ...world, set: rest };
    const { trusted, untrusted, unmarked } = checked(checkSources(document), 'sources', '*');
    return { ...world, set: { ...rest, sources: { trusted, untrusted, unmarked } } };
  },
  assignment: (world, { id, document }) => {
    const roles = textsIn(document, 'roles');
    return { ...world, agents: world.agents.map((agent) => (agent.id === id ? { ...agent, roles } : agent)) };
  },
  definition: (world, { id, document }) => {
    const access = textIn(document, 'access');
    const switchedOff = new Set(world.switchedOff);
    if (document === null || textIn(document, 'status') !== 'live') switchedOff.add(id);
    else switchedOff.delete(id);
    const known = world.set.capabilities.find(({ name }) => name === id);
    // what somebody declared is not overwritten by what a server says
    const isDeclared = world.declared.has(id);
    if (known === undefined || isDeclared || (access !== 'read' && access !== 'write'))
      return { ...world, switchedOff };
    return { ...withSet(world, { capabilities: put(world.set.capabilities, id, { ...known, access }) }), switchedOff };
  },
  mcp_server: serverOver,
  http_api: serverOver,
};

/** A server that is switched off takes its tools along. */
function serverOver(world: World, { id, document }: ChangeOperation): World {
  const isOff = document === null || textIn(document, 'status') === 'disabled';
  const own = world.set.capabilities.filter(({ name }) => name.startsWith(`${id}.`)).map(({ name }) => name);
  if (!isOff) return world;
  return { ...world, switchedOff: new Set([...world.switchedOff, ...own]) };
}

function withSet(world: World, part: Partial<PolicySet>): World {
  return { ...world, set: { ...world.set, ...part } };
}

function put<T extends { readonly name: string }>(all: readonly T[], name: string, value: T | undefined): readonly T[] {
  const others = all.filter((each) => each.name !== name);
  return value === undefined ? others : [...others, value].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function workspaceGuards(document: JsonValue): readonly Guard[] {
  const guards = isObject(document) ? document.guards : undefined;
  return checked(checkGuards(guards ?? [], 'workspace'), 'workspace_guards', '*');
}

function capabilityIn(document: JsonValue, id: string): Capability {
  const [read] = checked(parsePolicyFile(JSON.stringify(document)), 'capability', id);
  if (read?.kind === 'Capability') return read.capability;
  throw invalid('capability', id, 'it is a document of another kind');
}

function isOf(freeze: Freeze, environment: string): boolean {
  const { environments } = freeze.scope;
  return environments.length === 0 || environments.includes(environment);
}

function checked<T>(read: Checked<T>, type: ObjectType, id: string): T {
  if (read.ok) return read.value;
  throw invalid(type, id, read.problems.map(({ path, message }) => `${path}: ${message}`).join('; '));
}

function invalid(type: ObjectType, id: string, why: string): Failure {
  return new Failure(422, 'change_invalid', `The ${type} ${id} is not valid: ${why}.`, 'Correct its document.');
}

function isObject(value: JsonValue | null): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textIn(document: JsonValue | null, member: string): string | undefined {
  const value = isObject(document) ? document[member] : undefined;
  return typeof value === 'string' ? value : undefined;
}

function textsIn(document: JsonValue | null, member: string): readonly string[] {
  const value = isObject(document) ? document[member] : undefined;
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}
