/** How long a compromise lasts: until somebody knows, and from then until it is stopped. */
import type { Pool } from 'pg';
import { z } from 'zod';
import type { WorkspaceId } from '../ids.ts';
import type { RadiusSettings } from './settings.ts';

/** What was measured longer ago says nothing of how it runs now. */
const MEASURED_DAYS = 90;

const part = z.object({
  seconds: z.number().nullable(),
  basis: z.enum(['measured', 'stated', 'unknown']),
  samples: z.int().meta({ description: 'Of what was measured: stops and rehearsals of the last 90 days.' }),
  source: z.string().nullable(),
});

export const containmentSchema = z
  .object({
    seconds: z.int().nullable().meta({ description: 'Null: it is not known, and neither is what happens until then.' }),
    detection: part,
    revocation: part,
    sentence: z.string(),
  })
  .meta({ id: 'ContainmentTime' });

export type ContainmentTime = z.output<typeof containmentSchema>;

/** The 99th percentile of stops and rehearsals, whole milliseconds; of few it is the longest. */
export async function measuredRevocation(
  pool: Pool,
  workspaceId: WorkspaceId,
): Promise<{ readonly samples: number; readonly p99Ms: number | undefined }> {
  const { rows } = await pool.query<{ samples: number; p99: number | null }>(
    `SELECT count(*)::int AS samples, percentile_disc(0.99) WITHIN GROUP (ORDER BY ms)::float8 AS p99
       FROM (SELECT (result ->> 'slowest_ms')::float8 AS ms FROM rehearsals
              WHERE workspace_id = $1 AND started_at > now() - make_interval(days => $2) AND result ->> 'slowest_ms' IS NOT NULL
              UNION ALL
             SELECT greatest(first_refusal_ms, extract(epoch FROM effective_at - ordered_at) * 1000) FROM containments
              WHERE workspace_id = $1 AND ordered_at > now() - make_interval(days => $2) AND effective_at IS NOT NULL
                AND rehearsal_id IS NULL) AS m
      WHERE ms IS NOT NULL`,
    [workspaceId, MEASURED_DAYS],
  );
  const [row] = rows;
  return { samples: row?.samples ?? 0, p99Ms: row?.p99 ?? undefined };
}

/** What is measured goes before what is stated. Pure. */
export function containmentTime(
  { detection, revocation }: Pick<RadiusSettings, 'detection' | 'revocation'>,
  { samples, p99Ms }: { readonly samples: number; readonly p99Ms: number | undefined },
): ContainmentTime {
  const found: ContainmentTime['detection'] =
    detection === null
      ? { seconds: null, basis: 'unknown', samples: 0, source: null }
      : { seconds: detection.seconds, basis: 'stated', samples: 0, source: detection.source };
  const stopped: ContainmentTime['revocation'] =
    p99Ms !== undefined
      ? { seconds: p99Ms / 1000, basis: 'measured', samples, source: null }
      : revocation === null
        ? { seconds: null, basis: 'unknown', samples: 0, source: null }
        : { seconds: revocation.seconds, basis: 'stated', samples: 0, source: revocation.source };
  const seconds =
    found.seconds === null || stopped.seconds === null ? null : Math.max(1, Math.ceil(found.seconds + stopped.seconds));
  return { seconds, detection: found, revocation: stopped, sentence: sentenceOf(found, stopped) };
}

function sentenceOf(detection: ContainmentTime['detection'], revocation: ContainmentTime['revocation']): string {
  const found =
    detection.seconds === null
      ? 'Nobody has said how long a compromise takes to be found'
      : `It is assumed that a compromise is found within ${detection.seconds} s (${detection.source})`;
  const stopped =
    revocation.basis === 'measured'
      ? `stopping took up to ${revocation.seconds} s in 99 of 100 of ${revocation.samples} stops and rehearsals`
      : revocation.seconds === null
        ? 'no stop or rehearsal has measured how long stopping takes'
        : `it is assumed that stopping takes ${revocation.seconds} s (${revocation.source})`;
  return `${found}; ${stopped}.`;
}
