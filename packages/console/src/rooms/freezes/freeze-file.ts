/** From what is typed to a freeze file, and its times in words. Pure. */
import type { FreezeDocument } from '../../api/types.ts';

export interface Draft {
  readonly name: string;
  readonly description: string;
  readonly zone: string;
  /** On the wall clock of the zone, `2026-01-02T18:00`. */
  readonly starts: string;
  readonly ends: string;
  /** A recurrence rule; empty: once. */
  readonly repeats: string;
  readonly actions: readonly string[];
  readonly classes: readonly string[];
  readonly roles: readonly string[];
  readonly environments: readonly string[];
}

/** What is left out is not in the file: it does not narrow. */
export function fileOf(draft: Draft): FreezeDocument {
  const { name, description, zone, starts, ends, repeats, actions, classes, roles, environments } = draft;
  const described = description.trim();
  const rule = repeats.trim();
  return {
    apiVersion: 'policy.hivekey.ai/v1',
    kind: 'Freeze',
    metadata: { name: name.trim(), ...(described === '' ? {} : { description: described }) },
    time_zone: zone.trim(),
    starts,
    ends,
    ...(rule === '' ? {} : { repeats: rule }),
    scope: {
      ...(actions.length === 0 ? {} : { actions }),
      ...(classes.length === 0 ? {} : { classes }),
      ...(roles.length === 0 ? {} : { roles }),
      ...(environments.length === 0 ? {} : { environments }),
    },
  };
}

/** `Fri 2 Jan 2026, 18:00 GMT+1` on the wall clock of the freeze. */
export function zonedTime(seconds: number, zone: string): string {
  return new Intl.DateTimeFormat('en-GB', {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZone: zone,
    timeZoneName: 'short',
  }).format(seconds * 1000);
}
