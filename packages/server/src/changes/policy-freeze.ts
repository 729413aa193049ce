/** Freezes of policy itself: which of them are in force, and what they stop. */
import { Calendar, type FreezeOverride, type FrozenChange, freezeFromDocument, type JsonValue } from '@hivekey/policy';
import type { ClientBase, Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { loadPolicySet } from '../roles/index.ts';
import { isNarrowing, type ObjectType } from '../versions/index.ts';
import { onlyNarrows } from './narrowing.ts';

export interface PolicyFreeze {
  readonly name: string;
  /** Epoch milliseconds. */
  readonly untilMs: number;
}

interface Row {
  readonly document: unknown;
  readonly overrides: readonly FreezeOverride[];
}

const FREEZES = `
SELECT f.document,
       (SELECT coalesce(json_agg(json_build_object('id', o.id, 'fromMs', floor(extract(epoch FROM o.starts_at) * 1000),
                                                   'untilMs', floor(extract(epoch FROM o.ends_at) * 1000))), '[]')
          FROM freeze_overrides o WHERE o.workspace_id = f.workspace_id AND o.freeze_name = f.name AND o.in_policy) AS overrides
  FROM freezes f JOIN workspaces w ON w.id = f.workspace_id
 WHERE f.workspace_id = $1 AND f.document -> 'scope' ? 'changes'
   AND (NOT f.document -> 'scope' ? 'environments' OR f.document -> 'scope' -> 'environments' ? w.environment)
 ORDER BY f.name`;

/** Those in force at `nowMs` over one of the types. One that cannot be read is in force over everything. */
export async function freezesOver(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  types: readonly ObjectType[],
  nowMs: number,
): Promise<readonly PolicyFreeze[]> {
  const { rows } = await client.query<Row>(FREEZES, [workspaceId]);
  return rows.flatMap(({ document, overrides }) => {
    const freeze = freezeFromDocument(document, overrides);
    if (!freeze.ok) return [{ name: 'unreadable', untilMs: Number.POSITIVE_INFINITY }];
    const { name, scope } = freeze.value;
    const frozen: readonly FrozenChange[] = scope.changes ?? [];
    if (!frozen.includes('*') && !types.some((type) => frozen.includes(type))) return [];
    if (overrides.some(({ fromMs, untilMs }) => fromMs <= nowMs && nowMs < untilMs)) return [];
    const { inForce, untilMs } = new Calendar(freeze.value).at(nowMs);
    return inForce ? [{ name, untilMs }] : [];
  });
}

export function policyFrozen(freezes: readonly PolicyFreeze[]): Failure {
  const [first] = freezes;
  const until =
    first === undefined || !Number.isFinite(first.untilMs) ? '' : ` until ${new Date(first.untilMs).toISOString()}`;
  return new Failure(
    409,
    'policy_frozen',
    `Changes of policy are frozen${until} by "${freezes.map(({ name }) => name).join('", "')}".`,
    'Wait until it ends, have two people lift it (POST /v1/freezes/:name/overrides), or ask for an emergency change.',
  );
}

/**
 * Belongs to the end of every transaction that changes something directly: throws `policy_frozen` for what is frozen,
 * unless it only takes away.
 */
export async function refuseFrozenEdit(
  { client, now }: Pick<LoggedTransaction, 'client' | 'now'>,
  workspaceId: WorkspaceId,
  changed: readonly Edited[],
): Promise<void> {
  const freezes = await freezesOver(
    client,
    workspaceId,
    changed.map(({ type }) => type),
    now.getTime(),
  );
  if (freezes.length === 0) return;
  const { set } = await loadPolicySet(client, workspaceId);
  const narrows = ({ type, id, before, after }: Edited) =>
    isNarrowing(type, before, after) || onlyNarrows({ type, id, before: before ?? null, after: after ?? null }, set);
  if (!changed.every(narrows)) throw policyFrozen(freezes);
}

interface Edited {
  readonly type: ObjectType;
  readonly id: string;
  readonly before: JsonValue | undefined;
  readonly after: JsonValue | undefined;
}
