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
    claims: [...claimsOf(activity)],
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
