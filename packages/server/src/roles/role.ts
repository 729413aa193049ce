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
    approval: z
      .object({ people: z.int().optional(), groups: z.array(z.string()).optional(), within: z.string().optional() })
      .nullable()
      .meta({ description: 'Who must approve what it holds, as it is written. Null: one person, within the hour.' }),
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

function approvalView(approval: GuardDocument['approval']): GuardView['approval'] {
  if (approval === undefined) return null;
  const { people, groups, within } = approval;
  return {
    ...(people === undefined ? {} : { people }),
    ...(groups === undefined ? {} : { groups: [...groups] }),
    ...(within === undefined ? {} : { within }),
  };
}

/** As they are written in the document, with what is left out there said, and the sentences that were read from it. */
export function guardViews(documents: readonly GuardDocument[], guards: readonly Guard[]): GuardView[] {
  return documents.map(({ id, action, when, effect, otherwise, approval, mode }, i) => ({
    id,
    action,
    when: { ...when },
    effect,
    otherwise: otherwise ?? (effect === 'allow' ? 'deny' : 'allow'),
    approval: approvalView(approval),
    mode: mode ?? 'enforce',
    sentence: guards[i]?.sentence ?? '',
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
