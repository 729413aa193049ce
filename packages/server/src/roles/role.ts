/** A role as the API shows it. */

import type { GuardDocument } from '@hivekey/policy';
import { type Guard, type RoleDocument, roleFromDocument } from '@hivekey/policy';
import { z } from 'zod';
import { Failure } from '../errors.ts';

const verdict = z.enum(['allow', 'deny', 'review']);

export const guardSchema = z
  .object({
    id: z.string(),
    action: z.string(),
    when: z.record(z.string(), z.unknown()),
    effect: verdict,
    otherwise: verdict,
    mode: z.enum(['enforce', 'shadow']),
    sentence: z.string(),
  })
  .meta({ id: 'Guard' });

export type GuardView = z.output<typeof guardSchema>;

export const roleSchema = z
  .object({
    object: z.literal('role'),
    name: z.string(),
    description: z.string(),
    revision: z.int(),
    allow: z.array(z.string()),
    guards: z.array(guardSchema),
    agents: z.int().meta({ description: 'Agents that wear it.' }),
    created: z.int(),
    updated_at: z.int(),
    author: z.string(),
    document: z.record(z.string(), z.unknown()).meta({ description: 'The role file.' }),
  })
  .meta({ id: 'Role' });

export type RoleView = z.output<typeof roleSchema>;

export interface RoleRow {
  name: string;
  revision: number;
  document: RoleDocument;
  author: string;
  agents: number;
  created: number;
  updated_at: number;
}

/** `when` as it is written in the document, `otherwise` and the sentence as they were read from it. */
export function guardViews(documents: readonly GuardDocument[], guards: readonly Guard[]): GuardView[] {
  return guards.map(({ id, action, effect, otherwise, mode, sentence }, i) => ({
    id,
    action,
    when: { ...documents[i]?.when },
    effect,
    otherwise,
    mode: mode ?? ('enforce' as const),
    sentence,
  }));
}

export function roleViewOf({ document, ...row }: RoleRow): RoleView {
  const role = roleFromDocument(document, row.revision);
  if (!role.ok) throw new Error(`revision ${row.revision} of the role ${row.name} cannot be read`);
  return {
    object: 'role',
    ...row,
    description: role.value.description,
    allow: [...role.value.allow],
    guards: guardViews(document.guards, role.value.guards),
    document: { ...document },
  };
}

export function roleNotFound(role: string): Failure {
  return new Failure(404, 'role_not_found', `There is no role "${role}".`, 'List roles with GET /v1/roles.');
}
