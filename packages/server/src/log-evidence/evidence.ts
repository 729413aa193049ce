/** Item 7: the whole population of the log, from which an auditor draws; its hashes; counts by day. */
import type { Facts } from '@hivekey/evidence';
import { endOf, population, type Report, type ReportContent, type ReportScope, streamRows } from '../evidence/index.ts';
import { sealedEntries } from '../log/index.ts';
import { entryRows, type Run, runOf, Seen } from './entries.ts';
import { logFiles } from './files.ts';
import { CHAIN_INDEX, CLOCK_STEPS, DAILY_COUNTS, ENTRIES } from './tables.ts';

// $1 workspace, $2 from, $3 end
const DAYS = `SELECT d.*, (SELECT tree_size FROM log_checkpoints WHERE workspace_id = $1 AND tree_size >= d.last_seq ORDER BY tree_size LIMIT 1) AS checkpoint_size
  FROM (SELECT (ts AT TIME ZONE 'UTC')::date::text AS day, count(*) AS entries, count(*) FILTER (WHERE kind = 'tool.call') AS calls,
               count(*) FILTER (WHERE verdict = 'allow') AS allow, count(*) FILTER (WHERE verdict = 'deny') AS deny,
               count(*) FILTER (WHERE verdict = 'review') AS review, count(*) FILTER (WHERE kind = 'tool.result') AS results,
               count(*) FILTER (WHERE kind NOT IN ('tool.call', 'tool.result')) AS other,
               count(DISTINCT agent_id) FILTER (WHERE kind = 'tool.call') AS agents, min(seq) AS first_seq, max(seq) AS last_seq
          FROM actions WHERE workspace_id = $1 AND ts >= $2 AND ts < $3 GROUP BY 1) d ORDER BY day`;

const STEPS = `SELECT seq, shard, before, ts AS after, (extract(epoch FROM before - ts) * 1000)::bigint AS step_ms
  FROM (SELECT seq, shard_id AS shard, ts, lag(ts) OVER (PARTITION BY shard_id ORDER BY shard_seq) AS before
          FROM actions WHERE workspace_id = $1 AND ts >= $2 AND ts < $3) s WHERE ts < before ORDER BY seq`;

const QUERY = `Every entry of the signed log with a time from \`from\` on and before \`to\`, in the order of the log, read from the blocks as they were
sealed (log_seals JOIN log_blocks ORDER BY first_global_seq), together with those of the same run of numbers whose payload has left the log.
parameters: kind (such as tool.call) and agent narrow it; daily-counts and clock-steps are of the projection:
${DAYS}`;

export const actionLogReport: Report = {
  id: 'action-log',
  folder: '07_action-log',
  item: 7,
  title: 'Action log: population',
  about:
    'Every decision, result and administrative act of the period, denials too, numbered without a gap. Each row carries its hash; the index has all hashes and nothing else, and leads to a checkpoint that others hold. The sample is the auditor’s to draw: parameters `kind=tool.call` for actions alone.',
  controls: ['AG-01', 'AG-13', 'AG-14', 'AG-15'],
  tables: [ENTRIES, CHAIN_INDEX, DAILY_COUNTS, CLOCK_STEPS],
  query: QUERY,
  parameters: { kind: 'Entries of one kind, such as tool.call.', agent: 'Entries of one agent, by id or handle.' },
  read,
};

async function read(scope: ReportScope): Promise<ReportContent> {
  const { client, workspaceId, period, asOf, parameters } = scope;
  const values = [workspaceId, period.from, endOf(period, asOf)];
  const run = await runOf(scope);
  const seen = new Seen();
  const entries = population(ENTRIES, entryRows(scope, run, seen), {
    count: ['verdict', 'kind', 'outcome', 'payload'],
    seq: 'seq',
  });
  const index = population(CHAIN_INDEX, indexRows(scope, run), { seq: 'seq' });
  const days = population(DAILY_COUNTS, streamRows(client, DAYS, values));
  const steps = population(CLOCK_STEPS, streamRows(client, STEPS, values));
  return {
    rows: {
      [ENTRIES.name]: entries.rows,
      [CHAIN_INDEX.name]: index.rows,
      [DAILY_COUNTS.name]: days.rows,
      [CLOCK_STEPS.name]: steps.rows,
    },
    facts: async () => {
      const counted = await counts(scope, run);
      return {
        [ENTRIES.name]: entries.facts(
          { projection: counted.selected },
          {
            control_totals: seen.totals,
            gaps: seen.gaps,
            filters: Object.entries(parameters).map(([name, value]) => `${name} = ${value}`),
            exclusions: exclusionsOf(seen),
          },
        ),
        [CHAIN_INDEX.name]: index.facts({ seals: counted.sealed }),
        [DAILY_COUNTS.name]: days.facts({ projection: counted.days }),
        [CLOCK_STEPS.name]: steps.facts({}),
      };
    },
    // A selection is no population: nothing of it could be held against the checkpoint.
    ...(Object.keys(parameters).length === 0 ? { attachments: () => logFiles(scope, run) } : {}),
  };
}

function exclusionsOf({ outside, notSelected }: Seen): Facts['exclusions'] {
  return [
    ...(outside === 0
      ? []
      : [
          {
            what: 'entries between the first and the last of the period that are dated outside it',
            count: outside,
            reason:
              'Gateways have clocks of their own; the entries belong to the period they are dated in. The index has them.',
          },
        ]),
    ...(notSelected === 0
      ? []
      : [
          {
            what: 'entries that were not asked for',
            count: notSelected,
            reason: 'The parameters narrow the population.',
          },
        ]),
  ];
}

async function* indexRows(
  { client, workspaceId }: ReportScope,
  run: Run | undefined,
): AsyncGenerator<object, void, undefined> {
  if (run === undefined) return;
  for await (const entries of sealedEntries(client, workspaceId, run.first, run.last))
    for (const { seq, shard, entryHash, link, previousLink } of entries)
      yield { seq, entry_hash: hex(entryHash), link: hex(link), previous_link: hex(previousLink), shard };
}

interface Counts {
  /** Rows that the projection has of what was asked for, and entries that have none because nothing is left of them. */
  readonly selected: number;
  /** Numbers of the run, by what was given out when it was sealed. */
  readonly sealed: number;
  readonly days: number;
}

async function counts(
  { client, workspaceId, period, asOf, parameters }: ReportScope,
  run: Run | undefined,
): Promise<Counts> {
  if (run === undefined) return { selected: 0, sealed: 0, days: 0 };
  const { rows } = await client.query<{ selected: number; held: number; sealed: number; days: number }>(
    `SELECT (SELECT count(*) FROM actions WHERE workspace_id = $1 AND ts >= $2 AND ts < $3 AND ($6::text IS NULL OR kind = $6)
                AND ($7::text IS NULL OR agent_id = $7 OR agent = $7)) AS selected,
            (SELECT count(*) FROM actions WHERE workspace_id = $1 AND seq BETWEEN $4 AND $5) AS held,
            (SELECT coalesce(sum(least(first_global_seq + count - 1, $5) - greatest(first_global_seq, $4) + 1), 0)::bigint FROM log_seals
              WHERE workspace_id = $1 AND first_global_seq <= $5 AND first_global_seq + count > $4) AS sealed,
            (SELECT count(DISTINCT (ts AT TIME ZONE 'UTC')::date) FROM actions WHERE workspace_id = $1 AND ts >= $2 AND ts < $3) AS days`,
    [
      ...[workspaceId, period.from, endOf(period, asOf), run.first, run.last],
      ...[parameters.kind ?? null, parameters.agent ?? null],
    ],
  );
  const { selected = 0, held = 0, sealed = 0, days = 0 } = rows[0] ?? {};
  const isSelection = Object.keys(parameters).length > 0;
  return { selected: isSelection ? selected : selected + (sealed - held), sealed, days };
}

function hex(hash: Uint8Array): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString('hex');
}
