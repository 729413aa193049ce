/** When change freezes are in force within a span of time: what a calendar shows. */
import { Calendar, type FreezeDocument, freezeFromDocument } from '@hivekey/policy';
import type { Pool } from 'pg';
import { z } from 'zod';
import type { WorkspaceId } from '../ids.ts';

/** A month with the weeks that it shares, and some more. */
const MAX_SPAN_DAYS = 100;
const DAY_SECONDS = 86_400;

export const freezeTimeSchema = z
  .object({
    object: z.literal('freeze_time'),
    freeze: z.string(),
    starts_at: z.int().nullable().meta({ description: 'Null: so long ago that it is not told.' }),
    ends_at: z.int().nullable().meta({ description: 'Null: no end is known.' }),
  })
  .meta({ id: 'FreezeTime' });

export type FreezeTime = z.output<typeof freezeTimeSchema>;

export const spanQuery = z
  .strictObject({
    from: z.coerce.number().int().min(0).max(253_402_300_799).meta({ description: 'Epoch seconds, inclusive.' }),
    to: z.coerce.number().int().min(0).max(253_402_300_799).meta({ description: 'Epoch seconds, exclusive.' }),
  })
  .refine(({ from, to }) => from < to && to - from <= MAX_SPAN_DAYS * DAY_SECONDS, {
    message: `to must be after from, by at most ${MAX_SPAN_DAYS} days`,
  });

/** Whole stretches that touch the span, also where they begin before it or end after it; by their beginning, then by name. */
export async function listFreezeTimes(
  pool: Pool,
  workspaceId: WorkspaceId,
  { from, to }: z.output<typeof spanQuery>,
): Promise<FreezeTime[]> {
  const { rows } = await pool.query<{ name: string; document: FreezeDocument }>(
    'SELECT name, document FROM freezes WHERE workspace_id = $1 ORDER BY name COLLATE "C"',
    [workspaceId],
  );
  return rows
    .flatMap(({ name, document }) => timesOf(name, document, from * 1000, to * 1000))
    .toSorted((a, b) => (a.starts_at ?? 0) - (b.starts_at ?? 0));
}

function timesOf(freeze: string, document: FreezeDocument, fromMs: number, toMs: number): FreezeTime[] {
  const checked = freezeFromDocument(document, []);
  if (!checked.ok) throw new Error(`the freeze ${freeze} cannot be read`);
  const calendar = new Calendar(checked.value);
  const times: FreezeTime[] = [];
  for (let atMs = fromMs; atMs < toMs; ) {
    const stretch = calendar.at(atMs);
    if (stretch.inForce)
      times.push({
        object: 'freeze_time',
        freeze,
        starts_at: secondsOf(stretch.fromMs),
        ends_at: secondsOf(stretch.untilMs),
      });
    atMs = stretch.untilMs;
  }
  return times;
}

function secondsOf(ms: number): number | null {
  return Number.isFinite(ms) ? Math.floor(ms / 1000) : null;
}
