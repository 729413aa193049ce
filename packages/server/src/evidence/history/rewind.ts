/**
 * What agents and people were at an instant: as they are, with every change that the log has after it taken back. So what is
 * told of a period that is over does not change when they do.
 */
import type { Json } from '@hivekey/evidence';
import type { PoolClient } from 'pg';
import type { WorkspaceId } from '../../ids.ts';
import { streamRows } from '../snapshot.ts';

/** Field → value at the instant, of those that have changed since. */
export type Earlier = Readonly<Record<string, Json>>;

/** Of a status: a record from before the instant has it, or it is the first one, `active`. */
export const NOT_TOLD = 'not told';

interface Change {
  id: string;
  kind: string;
  changes: Readonly<Record<string, readonly Json[]>> | null;
  status_before: string | null;
  suspended: boolean | null;
}

// What stands on records about shadow agents and tests is about others.
const AGENTS = `
SELECT agent_id AS id, kind, record -> 'changes' AS changes, record ->> 'status_before' AS status_before,
       (record ->> 'suspended')::boolean AS suspended
  FROM actions
 WHERE workspace_id = $1 AND ts >= $2 AND agent_id IS NOT NULL
   AND kind IN ('agent.changed', 'agent.revoked', 'agent.restored', 'agent.dormant', 'agent.expired')
 ORDER BY seq`;
const PEOPLE = `
SELECT record ->> 'person_id' AS id, kind, record -> 'changes' AS changes, NULL AS status_before, NULL AS suspended
  FROM actions
 WHERE workspace_id = $1 AND ts >= $2 AND kind IN ('person.changed', 'person.left') AND record ? 'person_id'
 ORDER BY seq`;

/** By id of the agent: of `description`, `metadata`, `risk_tier`, `valid_until`, `deputies`, `status`, … */
export function agentsBefore(
  client: PoolClient,
  workspaceId: WorkspaceId,
  instant: string,
): Promise<ReadonlyMap<string, Earlier>> {
  return rewound(streamRows<Change>(client, AGENTS, [workspaceId, instant]));
}

/** By id of the person: of `active`, `groups`, `authority`, `label`, `email`, … */
export function peopleBefore(
  client: PoolClient,
  workspaceId: WorkspaceId,
  instant: string,
): Promise<ReadonlyMap<string, Earlier>> {
  return rewound(streamRows<Change>(client, PEOPLE, [workspaceId, instant]));
}

/** The first change of a field after the instant has its value at the instant. */
async function rewound(changes: AsyncIterable<Change>): Promise<ReadonlyMap<string, Earlier>> {
  const found = new Map<string, Record<string, Json>>();
  for await (const change of changes) {
    const known = found.get(change.id) ?? {};
    for (const [field, before] of beforeOf(change)) if (!(field in known)) known[field] = before;
    found.set(change.id, known);
  }
  return found;
}

function beforeOf({ kind, changes, status_before: status, suspended }: Change): readonly [string, Json][] {
  switch (kind) {
    case 'agent.revoked':
      return [['status', status]];
    case 'agent.dormant':
      return suspended === true ? [['status', 'active']] : [];
    case 'agent.expired':
      // Its record does not say what it was before.
      return [['status', NOT_TOLD]];
    case 'person.left':
      return [['active', true]];
    default:
      return Object.entries(changes ?? {}).flatMap(([field, pair]): [string, Json][] =>
        Array.isArray(pair) ? [[field, pair[0] ?? null]] : [],
      );
  }
}
