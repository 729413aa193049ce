/**
 * What is kept of a person, why, and until when: for the answer to a request for erasure (GDPR articles 15 and 17). It reads and
 * changes nothing; what is to go, a redaction or a shorter period lets go.
 */
import type { Pool } from 'pg';
import { z } from 'zod';
import type { WorkspaceId } from '../ids.ts';
import { readPerson } from '../people/index.ts';
import { CLASSES, classOf, type RetentionClass } from './classes.ts';
import { holdsInForce } from './holds.ts';
import { outsideSchema, placesOutside } from './places.ts';
import { readSettings } from './settings.ts';

const DAY_S = 86_400;

export const erasureSchema = z
  .object({
    object: z.literal('erasure_report'),
    person: z.string(),
    active: z.boolean(),
    records: z
      .array(
        z.object({
          class: z.enum([...CLASSES, 'retention']),
          as: z.enum(['owner', 'actor', 'named']),
          count: z.int(),
          oldest: z.int(),
          newest: z.int(),
          kept_days: z.int().nullable().meta({ description: 'null: for ever.' }),
          until: z.int().nullable().meta({ description: 'When the newest of them has outlived its period.' }),
          why: z.string(),
        }),
      )
      .meta({ description: 'Records of the log in which the person stands.' }),
    holds: z.array(z.object({ id: z.string(), matter: z.string(), until: z.int().nullable() })),
    elsewhere: z
      .array(z.object({ what: z.string(), count: z.int(), why: z.string(), until: z.string() }))
      .meta({ description: 'Beside the log, in this database.' }),
    outside: z.array(outsideSchema),
  })
  .meta({ id: 'ErasureReport' });
export type ErasureReport = z.output<typeof erasureSchema>;

const WHY: Readonly<Record<RetentionClass | 'retention', string>> = {
  calls: 'who answers for what an agent did, and under which decision',
  results: 'how what was decided ended',
  approvals: 'who approved or refused what',
  policy: 'who changed what decides, and when it was in force',
  security: 'what was stopped, found and answered for',
  administrative: 'who gave which access to whom',
  reads: 'who looked at the log',
  system: 'when the system ran',
  retention: 'what was let go of the log, and held: kept as long as the log is',
};

interface RecordRow {
  kind: string;
  part: 'owner' | 'actor' | 'named';
  count: number;
  oldest: number;
  newest: number;
}

// A record in which somebody stands twice is counted once, as what they are in it first.
const RECORDS = `
SELECT kind, part, count(*) AS count, floor(extract(epoch FROM min(ts)))::bigint AS oldest, floor(extract(epoch FROM max(ts)))::bigint AS newest
  FROM (SELECT kind, ts, CASE WHEN record ->> 'actor' IN ('person:' || $2, 'slack:' || $2) THEN 'actor'
                              WHEN owner = $2 THEN 'owner' ELSE 'named' END AS part
          FROM actions
         WHERE workspace_id = $1 AND (owner = $2 OR record ->> 'actor' IN ('person:' || $2, 'slack:' || $2) OR record ->> 'person' = $2
                                      OR record ->> 'requested_by_person' = $2 OR record -> 'remains' ->> 'owner' = $2)) AS found
 GROUP BY kind, part`;

const ELSEWHERE = [
  [
    'agents that the person answers for',
    'SELECT count(*) AS n FROM agents WHERE workspace_id = $1 AND owner_id = $2',
    'somebody has to',
    'their owner changes, or they are retired',
  ],
  [
    'admin keys',
    'SELECT count(*) AS n FROM admin_keys WHERE workspace_id = $1 AND person_id = $2',
    'records name the key that was used',
    'as long as the workspace',
  ],
  [
    'accounts at identity providers',
    'SELECT count(*) AS n FROM person_identities WHERE workspace_id = $1 AND person_id = $2',
    'how the person signs in',
    'they are unlinked',
  ],
  [
    'passkeys',
    'SELECT count(*) AS n FROM passkeys WHERE workspace_id = $1 AND person_id = $2',
    'how the person signs in and signs decisions',
    'they are revoked',
  ],
  [
    'decisions about held calls',
    'SELECT count(*) AS n FROM approval_decisions WHERE workspace_id = $1 AND person_id = $2',
    'who approved what',
    'as long as the workspace',
  ],
  [
    'the person’s own entry',
    'SELECT count(*) AS n FROM people WHERE workspace_id = $1 AND id = $2',
    'what they did is theirs',
    'as long as the workspace; a directory can have it deactivated and renamed',
  ],
] as const;

/** Throws `person_not_found`. */
export async function erasureReport(pool: Pool, workspaceId: WorkspaceId, personOrId: string): Promise<ErasureReport> {
  const person = await readPerson(pool, workspaceId, personOrId);
  const { email } = person;
  const [{ periods }, { rows }, holds, outside] = await Promise.all([
    readSettings(pool, workspaceId),
    pool.query<RecordRow>(RECORDS, [workspaceId, email]),
    holdsInForce(pool, workspaceId),
    placesOutside(pool, workspaceId),
  ]);
  const elsewhere: ErasureReport['elsewhere'] = [];
  for (const [what, query, why, until] of ELSEWHERE) {
    const { rows: counted } = await pool.query<{ n: number }>(query, [workspaceId, person.id]);
    const count = counted[0]?.n ?? 0;
    if (count > 0) elsewhere.push({ what, count, why, until });
  }
  return {
    object: 'erasure_report',
    person: email,
    active: person.active,
    records: sumsOf(rows).map(({ class: name, newest, ...rest }) => {
      const days = name === 'retention' ? null : periods[name];
      return {
        class: name,
        newest,
        ...rest,
        kept_days: days,
        until: days === null ? null : newest + days * DAY_S,
        why: WHY[name],
      };
    }),
    holds: holds
      .filter(({ scope }) => scope.owner === undefined || scope.owner === email)
      .map(({ id, matter, until }) => ({ id, matter, until })),
    elsewhere,
    outside: [...outside],
  };
}

interface Sum {
  readonly class: RetentionClass | 'retention';
  readonly as: RecordRow['part'];
  readonly count: number;
  readonly oldest: number;
  readonly newest: number;
}

function sumsOf(rows: readonly RecordRow[]): Sum[] {
  const sums = new Map<string, Sum>();
  for (const { kind, part, count, oldest, newest } of rows) {
    const name = classOf(kind) ?? 'retention';
    const before = sums.get(`${name} ${part}`);
    sums.set(`${name} ${part}`, {
      class: name,
      as: part,
      count: (before?.count ?? 0) + count,
      oldest: Math.min(before?.oldest ?? oldest, oldest),
      newest: Math.max(before?.newest ?? newest, newest),
    });
  }
  return [...sums.values()].sort((a, b) => a.class.localeCompare(b.class) || a.as.localeCompare(b.as));
}
