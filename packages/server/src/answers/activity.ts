/** Everything an agent did in a period: counts, ends and gaps, from the log. */
import type { Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import type { Period } from '../log/index.ts';
import { activityOf } from '../queries/index.ts';
import { type Answer, ASKED, type Claim, computed, iso, recorded, unrecorded } from './answer.ts';

type Activity = Awaited<ReturnType<typeof activityOf>>;

/** Whole days, UTC. Throws `agent_not_found`, `period_invalid`. */
export async function activityAnswer(
  pool: Pool,
  workspaceId: WorkspaceId,
  agent: string,
  asked: Partial<Period>,
  nowMs: number,
): Promise<Answer> {
  const activity = await activityOf(pool, workspaceId, agent, asked, nowMs);
  const period = { from: new Date(activity.from * 1000).toISOString(), to: new Date(activity.to * 1000).toISOString() };
  return {
    object: 'answer',
    question: 'activity',
    asked: ASKED.activity,
    agent: activity.agent,
    agent_id: activity.agent_id,
    as_of: new Date(nowMs).toISOString(),
    period,
    sentence: sentenceOf(activity, period),
    claims: [...claimsOf(activity), ...(await tieOutClaims(pool, workspaceId, activity))],
    tables: tablesOf(activity),
    not_covered: [
      'Calls made with credentials that HiveKey does not hold.',
      'What a tool did inside of itself after it took a call.',
    ],
  };
}

function sentenceOf(
  { agent, entries, verdicts }: Activity,
  { from, to }: { readonly from: string; readonly to: string },
): string {
  const days = `From ${from.slice(0, 10)} to before ${to.slice(0, 10)}`;
  if (entries === 0) return `${days} the log has nothing about ${agent}.`;
  return `${days} ${agent} is the subject of ${entries} records: ${verdicts.allow ?? 0} calls allowed, ${verdicts.deny ?? 0} denied, ${verdicts.review ?? 0} held for a person.`;
}

function claimsOf({ agent_id: id, entries, calls, complete, checkpoint, from, to }: Activity): readonly Claim[] {
  const range = `the log, ${iso(from)} to before ${iso(to)}, subject ${id}`;
  const signed =
    checkpoint === null
      ? unrecorded('Signed', 'No checkpoint was signed yet.')
      : computed(
          'Signed',
          `The newest signed checkpoint covers ${checkpoint.tree_size} entries.`,
          `checkpoint ${checkpoint.tree_size}`,
          {
            at: iso(checkpoint.at),
          },
        );
  if (!complete)
    return [computed('Records', `${entries} records; the calls are too many to look at each here.`, range), signed];
  if (calls === null) return [computed('Records', `${entries} records, none of them a call.`, range), signed];
  return [
    computed('Records', `${entries} records.`, range),
    recorded('First call', `Number ${calls.first_seq} of the log.`, calls.first_event),
    recorded('Last call', `Number ${calls.last_seq} of the log.`, calls.last_event),
    computed(
      'Gaps',
      calls.missing === 0
        ? `Its ${calls.decisions} decisions are numbered without a gap.`
        : `${calls.missing} of its decisions are not there: let go under a record, or lost.`,
      range,
    ),
    ...calls.owners.map(({ owner, from: first, to: last }) =>
      computed(
        'Owner at the time',
        `${owner} was accountable from its call on ${minute(first)} to that on ${minute(last)}, as each record says.`,
        range,
      ),
    ),
    signed,
  ];
}

// Of a tool that was compared twice, the newest.
const TIE_OUTS = `
SELECT DISTINCT ON (tool) tool, differences, period_from, period_to, person, imported_by, imported_at, event_id
  FROM tie_outs WHERE workspace_id = $1 AND tool = ANY($2) AND period_from < $4 AND period_to > $3
 ORDER BY tool, imported_at DESC`;

interface TieOutRow {
  readonly tool: string;
  readonly differences: number;
  readonly period_from: Date;
  readonly period_to: Date;
  readonly person: string | null;
  readonly imported_by: string;
  readonly imported_at: Date;
  readonly event_id: string;
}

/** Whether the tools that it used count the same. They do not know agents apart: the comparison is of all that used them. */
async function tieOutClaims(
  pool: Pool,
  workspaceId: WorkspaceId,
  { calls, from, to }: Activity,
): Promise<readonly Claim[]> {
  const tools = [...new Set((calls?.actions ?? []).map(({ action }) => action.split('.', 1)[0] ?? action))];
  if (tools.length === 0) return [];
  const { rows } = await pool.query<TieOutRow>(TIE_OUTS, [
    workspaceId,
    tools,
    new Date(from * 1000),
    new Date(to * 1000),
  ]);
  return tools.map((tool) => {
    const found = rows.find((row) => row.tool === tool);
    if (found === undefined) return unrecorded('Tie-out', `The own list of ${tool} was not compared with the log.`);
    const {
      differences,
      period_from: begin,
      period_to: end,
      person,
      imported_by: by,
      imported_at: at,
      event_id: event,
    } = found;
    const days = `${begin.toISOString().slice(0, 10)} to before ${end.toISOString().slice(0, 10)}`;
    return recorded(
      'Tie-out',
      `The own list of ${tool} for ${days} ${differences === 0 ? 'and the log are equal' : `differs from the log in ${differences} places`}, whoever used it.`,
      event,
      { at: at.toISOString(), by: person ?? by },
    );
  });
}

function tablesOf({ calls, days }: Activity): Answer['tables'] {
  return [
    {
      name: 'actions',
      title: 'By capability',
      columns: ['capability', 'allowed', 'denied', 'held'],
      rows: (calls?.actions ?? []).map(({ action, allow, deny, review }) => [action, allow, deny, review]),
    },
    {
      name: 'units',
      title: 'What allowed calls were to spend',
      columns: ['unit', 'amount'],
      rows: Object.entries(calls?.units ?? {}),
    },
    {
      name: 'days',
      title: 'By day',
      columns: ['day', 'allowed', 'denied', 'held'],
      rows: days.map(({ at, allow, deny, review }) => [iso(at)?.slice(0, 10) ?? null, allow, deny, review]),
    },
  ];
}

/** Epoch seconds. */
function minute(at: number): string {
  return new Date(at * 1000).toISOString().slice(0, 16).replace('T', ' ');
}
