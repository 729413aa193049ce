/** What publishing a change of a role would change, and the grid of all roles. Pure. */
import { compilePolicy, type PolicySet, type Role } from '@hivekey/policy';
import { z } from 'zod';
import { guardsOn, manifestOf, visibleToolSchema } from '../agents/index.ts';
import type { Catalogue } from '../upstreams/index.ts';
import { findingSchema, findingsOf } from './findings.ts';
import { misfits } from './lint.ts';

export const previewSchema = z
  .object({
    object: z.literal('role_preview'),
    agents: z.int().meta({ description: 'Agents that wear the role.' }),
    added: z.array(z.string()),
    removed: z.array(z.string()),
    tools: z.array(visibleToolSchema).meta({ description: 'What an agent with this role alone would see.' }),
    guards: z.array(z.string()),
    problems: z.array(
      z.object({
        code: z.string(),
        message: z.string(),
        remedy: z.string(),
        path: z.string(),
        line: z.int().optional(),
        column: z.int().optional(),
      }),
    ),
    findings: z.array(findingSchema).meta({ description: 'What is valid and does not do what it seems to.' }),
  })
  .meta({ id: 'RolePreview' });

export type RolePreview = z.output<typeof previewSchema>;

export function previewOf(
  set: PolicySet,
  role: Role,
  agents: number,
  catalogue: Catalogue,
  declared: ReadonlySet<string>,
): RolePreview {
  const before = new Set(set.roles.find(({ name }) => name === role.name)?.allow);
  const after = new Set(role.allow);
  const next = { ...set, roles: [...set.roles.filter(({ name }) => name !== role.name), role] };
  const known = new Set(set.capabilities.map(({ name }) => name));
  const unknown = role.allow.filter((capability) => !known.has(capability));
  return {
    object: 'role_preview',
    agents,
    added: [...after].filter((capability) => !before.has(capability)).sort(),
    removed: [...before].filter((capability) => !after.has(capability)).sort(),
    tools: manifestOf(catalogue, next, declared, compilePolicy(next).granted([role.name]), [role.name]),
    guards: role.guards.map(({ sentence }) => sentence),
    problems: [
      ...unknown.map((capability) => ({
        code: 'capability_unknown',
        message: `there is no capability "${capability}"`,
        remedy: 'Declare it, register the server that has it, or leave it out: until then it grants nothing.',
        path: `scope.allow[${role.allow.indexOf(capability)}]`,
      })),
      ...misfits(next).flatMap(({ origin, problem }) => (origin === role.name ? [problem] : [])),
    ],
    findings: findingsOf(next, role.name),
  };
}

export const matrixSchema = z
  .object({
    object: z.literal('matrix'),
    roles: z.array(
      z.object({
        name: z.string(),
        revision: z.int(),
        agents: z.int(),
        allow: z.array(z.string()),
        guarded: z
          .record(z.string(), z.array(z.string()))
          .meta({ description: 'Capability → sentences of its guards.' }),
      }),
    ),
    capabilities: z.array(
      z.object({
        name: z.string(),
        description: z.string(),
        access: z.enum(['read', 'write']),
        destructive: z.boolean(),
        stopped: z.boolean(),
      }),
    ),
  })
  .meta({ id: 'Matrix' });

export type Matrix = z.output<typeof matrixSchema>;

export function matrixOf(
  set: PolicySet,
  stoppedTools: ReadonlySet<string>,
  agentsOf: ReadonlyMap<string, number>,
): Matrix {
  return {
    object: 'matrix',
    roles: set.roles.map(({ name, revision, allow }) => {
      const worn = new Set([name]);
      const guarded = allow.flatMap((capability) => {
        const guards = guardsOn(capability, set, worn);
        return guards.length === 0 ? [] : [[capability, guards.map(({ sentence }) => sentence)] as const];
      });
      return {
        name,
        revision,
        agents: agentsOf.get(name) ?? 0,
        allow: [...allow],
        guarded: Object.fromEntries(guarded),
      };
    }),
    capabilities: set.capabilities.map(({ name, description, access, destructive }) => ({
      name,
      description,
      access,
      destructive,
      stopped: stoppedTools.has(name),
    })),
  };
}
