/** What has become, here, of what Git said when it was last applied. Pure. */
import type { ObjectRef, ObjectType } from '../versions/index.ts';
import { compare, type LiveObject, type Names } from './objects.ts';
import { type FolderHash, isNothing } from './plan.ts';

export interface ObjectDrift extends ObjectRef {
  readonly name: string;
  /** In Git; null: it is not there. */
  readonly sha256: string | null;
  /** Null: it is not there any more. */
  readonly live_sha256: string | null;
  readonly state: 'same' | 'changed_here' | 'removed_here' | 'not_in_git';
}

export function driftOf(
  hashes: readonly FolderHash[],
  owned: ReadonlySet<ObjectType>,
  live: readonly LiveObject[],
  names: Names,
): readonly ObjectDrift[] {
  const liveByKey = new Map(live.map((object) => [keyOf(object), object]));
  const inGit = hashes.map(({ type, id, sha256 }): ObjectDrift => {
    const now = liveByKey.get(keyOf({ type, id }));
    const name = now?.name ?? names.nameOf({ type, id }) ?? id;
    if (now === undefined) return { type, id, name, sha256, live_sha256: null, state: 'removed_here' };
    const state = now.sha256 === sha256 ? 'same' : 'changed_here';
    return { type, id, name, sha256, live_sha256: now.sha256, state };
  });
  const known = new Set(hashes.map(keyOf));
  const more = live
    .filter((object) => owned.has(object.type) && !known.has(keyOf(object)) && !isNothing(object))
    .map(({ type, id, name, sha256 }): ObjectDrift => {
      return { type, id, name, sha256: null, live_sha256: sha256, state: 'not_in_git' };
    });
  return [...inGit, ...more].sort((a, b) => compare(a.type, b.type) || compare(a.name, b.name));
}

function keyOf({ type, id }: ObjectRef): string {
  return `${type} ${id}`;
}
