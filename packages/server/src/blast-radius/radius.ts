/** The blast radius of somebody, with how much of each limit that binds it was ever used, and what was accepted. */
import { type BlastRadius, countedIn, type PolicySet } from '@hivekey/policy';
import type { Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import { countersOfGuard, peakKey, readGreatest, readKnown, readPeaks } from '../least-privilege/index.ts';
import { acceptanceView, findAccepted, isPassed } from './acceptances.ts';
import { type Asked, type Named, nameSubject } from './subjects.ts';
import { type RadiusView, radiusView, type UseOf } from './view.ts';
import type { World, Worlds } from './world.ts';

/** Use of limits is told of so many days. */
const USE_DAYS = 30;
const DAY_MS = 86_400_000;

export interface RadiusReaders {
  readonly pool: Pool;
  readonly worlds: Worlds;
  readonly clock: () => number;
}

/** Throws `agent_not_found`, `role_not_found`, `person_not_found`. */
export async function readRadius(
  { pool, worlds, clock }: RadiusReaders,
  workspaceId: WorkspaceId,
  asked: Asked,
): Promise<RadiusView> {
  const read = await worlds.read(workspaceId);
  const named = await nameSubject(pool, workspaceId, read, asked);
  const radius = await worlds.radius(workspaceId, read, named);
  const { kind, id } = named.view;
  const accepted = await findAccepted(pool, workspaceId, kind, id);
  const useOf = await greatestUse(pool, workspaceId, read, named, radius, clock());
  const acceptance = accepted === undefined ? null : acceptanceView(accepted, isPassed(accepted.result, radius));
  return radiusView(radius, { subject: named.view, containment: read.containment, acceptance }, useOf);
}

type Binding = BlastRadius['cells'][number]['binding'][number];

function bindingKey({ origin, rule }: Pick<Binding, 'origin' | 'rule'>): string {
  return `${origin} ${rule}`;
}

/** Of an agent its own counters; of anybody else the fullest of all whose it is. */
async function greatestUse(
  pool: Pool,
  workspaceId: WorkspaceId,
  { world: { set } }: World,
  named: Named,
  radius: BlastRadius,
  nowMs: number,
): Promise<UseOf> {
  const { limitsFrom } = await readKnown(pool, workspaceId);
  if (limitsFrom === null) return () => undefined;
  const fromMs = Math.max((Math.floor(nowMs / DAY_MS) - USE_DAYS) * DAY_MS, limitsFrom.getTime());
  const from = new Date(fromMs).toISOString();
  const windows = boundWindows(set, radius);
  const [agent] = named.subject.kind === 'agent' ? named.world.agents : [];
  const largest = new Map<string, number>();
  if (agent === undefined) {
    const peaks = await readPeaks(pool, workspaceId, from.slice(0, 10));
    const roles = set.roles.map(({ name }) => name);
    for (const [key, { guard, window }] of windows) {
      const found = countersOfGuard(guard, window, roles).map(
        (counter) => peaks.get(peakKey(counter, window.windowSeconds)) ?? 0,
      );
      largest.set(key, Math.max(0, ...found));
    }
  } else {
    const asked = [...windows].flatMap(([key, { guard, window }]) => {
      const whose =
        window.scope === 'agent'
          ? [agent.id]
          : window.scope === 'owner'
            ? [agent.ownerId]
            : window.scope === 'workspace'
              ? [workspaceId]
              : guard.origin === 'workspace'
                ? agent.roles
                : [guard.origin];
      const per = window.per === undefined ? '' : `/${window.per}:`;
      return whose.map((id) => ({
        of: key,
        key: `${window.scope}/${id}/${countedIn(window)}${per}`,
        isKeptApart: window.per !== undefined,
        windowSeconds: window.windowSeconds,
      }));
    });
    const found = await readGreatest(pool, workspaceId, from.slice(0, 10), asked);
    asked.forEach(({ of }, i) => {
      largest.set(of, Math.max(largest.get(of) ?? 0, found[i] ?? 0));
    });
  }
  return (binding) => {
    const use = largest.get(bindingKey(binding));
    return use === undefined ? undefined : { largest: use, from };
  };
}

function boundWindows({ roles, workspaceGuards }: PolicySet, { cells }: BlastRadius) {
  const bound = new Set(cells.flatMap(({ binding }) => binding.map(bindingKey)));
  return new Map(
    [...workspaceGuards, ...roles.flatMap(({ guards }) => guards)].flatMap((guard) => {
      const { when: window } = guard;
      const key = bindingKey({ origin: guard.origin, rule: guard.id });
      return 'kind' in window && bound.has(key) ? [[key, { guard, window }] as const] : [];
    }),
  );
}
