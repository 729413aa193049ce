/**
 * Guards that do not fit the capabilities as they are: they would take their stricter branch on every call,
 * and nobody would see why. Refused where they are written, and where a change of a capability would make them so.
 */
import { checkFit, type DocumentProblem, type Guard, type PolicySet } from '@hivekey/policy';
import type { ClientBase, Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import { loadCapabilities } from './policy-set.ts';

/** The workspace, as an origin of guards. */
export const WORKSPACE = 'workspace';

export interface Misfit {
  /** Role that carries the guard, or `workspace`. */
  readonly origin: string;
  readonly problem: DocumentProblem;
}

/** Pure. */
export function misfits({ roles, workspaceGuards, capabilities }: PolicySet): Misfit[] {
  const lists = [
    ...roles.map(({ name, guards }) => ({ origin: name, guards })),
    { origin: WORKSPACE, guards: workspaceGuards },
  ];
  return lists.flatMap(({ origin, guards }) => checkFit(guards, capabilities).map((problem) => ({ origin, problem })));
}

export function placeOf({ origin, problem: { path, message } }: Misfit): string {
  return `${origin === WORKSPACE ? 'the workspace' : `the role "${origin}"`}, ${path}: ${message}`;
}

/** Throws `guards_invalid` when these guards do not fit the capabilities as they are. */
export async function refuseMisfits(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  guards: readonly Guard[],
): Promise<void> {
  if (guards.length === 0) return;
  const problems = checkFit(guards, await loadCapabilities(client, workspaceId));
  const [first] = problems;
  if (first === undefined) return;
  throw new Failure(
    422,
    'guards_invalid',
    `The guards do not fit the capabilities: ${first.path}: ${first.message}.`,
    first.remedy,
    problems,
  );
}
