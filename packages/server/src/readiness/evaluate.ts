/** Tests controls against one instant of the database. What cannot be told is never a pass. */
import { createHash } from 'node:crypto';
import {
  type ControlId,
  type Deviation,
  type Exemption,
  type Tested,
  type Verdict,
  verdictOf,
} from '@hivekey/evidence/controls';
import type { ControlTest, TestScope } from './control-test.ts';
import { readSource } from './sources.ts';
import { testOf } from './tests/index.ts';

/** On a run; all of them are read page by page. */
const LISTED = 1_000;
/** Of less nothing is said: what went well for an hour was not put to the test. */
const SHORTEST_MS = 86_400_000;

export interface Evaluated {
  readonly tested: Tested;
  readonly verdict: Verdict;
}

/** As it is run, so that whoever reads it can run it again. */
export function queryText({ query }: Pick<ControlTest, 'query'>): string {
  return query.trim();
}

export function querySha256(test: Pick<ControlTest, 'query'>): string {
  return `sha256:${createHash('sha256').update(queryText(test)).digest('hex')}`;
}

export async function evaluate(scope: TestScope, id: ControlId, exemption: Exemption | null): Promise<Evaluated> {
  const tested = await test(scope, testOf(id));
  return { tested, verdict: verdictOf(tested, exemption) };
}

async function test(scope: TestScope, control: ControlTest): Promise<Tested> {
  const { client } = scope;
  // One that fails takes its transaction with it, unless it goes back to before it.
  await client.query('SAVEPOINT control');
  try {
    const sources = [];
    for (const name of control.sources) sources.push(await readSource(scope, name));
    const { population, deviating, deviations } = await deviationsOf(scope, control, undefined, LISTED);
    const missing = tooShort(scope) ?? (await control.missing?.(scope, population)) ?? null;
    await client.query('RELEASE SAVEPOINT control');
    return { population, deviating, deviations, sources, missing, error: null };
  } catch (error) {
    await client.query('ROLLBACK TO SAVEPOINT control');
    const why = error instanceof Error ? error.message : String(error);
    return { population: 0, deviating: 0, deviations: [], sources: [], missing: null, error: why };
  }
}

function tooShort({ from, to }: TestScope): string | null {
  return Date.parse(to) - Date.parse(from) < SHORTEST_MS
    ? 'The period, as far as it has gone, is shorter than a day.'
    : null;
}

interface Row extends Deviation {
  population: number;
  deviating: number;
}

export interface Deviations {
  readonly population: number;
  readonly deviating: number;
  readonly deviations: readonly Deviation[];
}

/** Those behind the record `after`, by record; with the numbers of all. The members are read once for both. */
export async function deviationsOf(
  scope: TestScope,
  control: ControlTest,
  after: string | undefined,
  limit: number,
): Promise<Deviations> {
  const values = [scope.workspaceId, scope.from, scope.to, ...((await control.values?.(scope)) ?? [])];
  const place = values.length + 1;
  const { rows } = await scope.client.query<Row>(
    // Named first, so that each has a type whether or not the query asks for it.
    `WITH given AS (SELECT $1::text, $2::timestamptz, $3::timestamptz),
          member AS MATERIALIZED (${queryText(control)}),
          counted AS (SELECT count(*)::bigint AS population, count(kind)::bigint AS deviating FROM member)
     SELECT population, deviating, record_id, kind, coalesce(sentence, '') AS sentence, href
       FROM counted LEFT JOIN LATERAL (
         SELECT record_id, kind, sentence, href FROM member
          WHERE kind IS NOT NULL AND record_id COLLATE "C" > $${place} ORDER BY record_id COLLATE "C" LIMIT $${place + 1}) d ON true`,
    [...values, after ?? '', limit],
  );
  const [first] = rows;
  return {
    population: first?.population ?? 0,
    deviating: first?.deviating ?? 0,
    deviations: rows.flatMap(({ record_id, kind, sentence, href }) =>
      record_id === null ? [] : [{ record_id, kind, sentence, href }],
    ),
  };
}
