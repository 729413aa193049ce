/** The entries of a period, in the order of the log, from the blocks as they are stored; a few megabytes in memory at a time. */
import type { Facts } from '@hivekey/evidence';
import { endOf, type ReportScope } from '../evidence/index.ts';
import { type SealedEntry, sealedEntries } from '../log/index.ts';
import { type CallResult, type EntryRow, entryRow, recordOf } from './entry-row.ts';

/** The shortest run of numbers that holds every entry of the period: as an export of the log has it. */
export interface Run {
  readonly first: number;
  readonly last: number;
}

export async function runOf({ client, workspaceId, period, asOf }: ReportScope): Promise<Run | undefined> {
  const { rows } = await client.query<{ first: number | null; last: number | null }>(
    'SELECT min(seq) AS first, max(seq) AS last FROM actions WHERE workspace_id = $1 AND ts >= $2 AND ts < $3',
    [workspaceId, period.from, endOf(period, asOf)],
  );
  const { first = null, last = null } = rows[0] ?? {};
  return first === null || last === null ? undefined : { first, last };
}

/** What is seen while entries are read. */
export class Seen {
  /** Allowed and other money: `<verdict>.<currency>`. */
  readonly #sums = new Map<string, bigint>();
  readonly #missing: { from: number; to: number }[] = [];
  /** Entries of the run that are dated outside the period. */
  outside = 0;
  /** Of a selection: passed over. */
  notSelected = 0;
  #next: number | undefined;
  #aheadMs = 0;

  note({ seq, committedAt }: SealedEntry, occurredAt: string | undefined): void {
    if (this.#next !== undefined && seq > this.#next) this.#missing.push({ from: this.#next, to: seq - 1 });
    this.#next = seq + 1;
    if (occurredAt !== undefined)
      this.#aheadMs = Math.max(this.#aheadMs, Date.parse(occurredAt) - committedAt.getTime());
  }

  add({ verdict, amount_minor: amount, currency }: EntryRow): void {
    if (verdict === null || amount === null || currency === null) return;
    const key = `${verdict}.${currency}`;
    this.#sums.set(key, (this.#sums.get(key) ?? 0n) + BigInt(amount));
  }

  get gaps(): Facts['gaps'] {
    return this.#missing.map(({ from, to }) => ({
      from: `seq ${from}`,
      to: `seq ${to}`,
      reason: 'These numbers are not in the database.',
    }));
  }

  get totals(): Facts['control_totals'] {
    const sums = [...this.#sums].sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      ...Object.fromEntries(
        sums.map(([key, sum]) => [
          `sum.amount_minor.${key}`,
          Number.isSafeInteger(Number(sum)) ? Number(sum) : String(sum),
        ]),
      ),
      'clock.gateway_ahead_ms_max': this.#aheadMs,
    };
  }
}

/** Rows of the run that are of the period, and of the kind and agent that are asked for. */
export async function* entryRows(
  scope: ReportScope,
  run: Run | undefined,
  seen: Seen,
): AsyncGenerator<EntryRow, void, undefined> {
  if (run === undefined) return;
  const { client, workspaceId, period, asOf, parameters } = scope;
  const end = endOf(period, asOf);
  const isSelected = Object.keys(parameters).length > 0;
  const people = await peopleByEmail(scope);
  for await (const entries of sealedEntries(client, workspaceId, run.first, run.last)) {
    const read = entries.map((entry) => ({ entry, record: recordOf(entry) }));
    const calls = read.flatMap(({ record }) =>
      record?.kind === 'tool.call' && record.verdict === 'allow' ? [record.event_id] : [],
    );
    const results = await resultsOf(scope, calls);
    for (const { entry, record } of read) {
      seen.note(entry, record?.ts);
      if (record !== undefined && (record.ts < period.from || record.ts >= end)) {
        seen.outside += 1;
        continue;
      }
      if (isSelected && !isAskedFor(record, parameters)) {
        seen.notSelected += 1;
        continue;
      }
      const row = entryRow(entry, record, record && results.get(record.event_id), (email) => people.get(email));
      seen.add(row);
      yield row;
    }
  }
}

function isAskedFor(record: ReturnType<typeof recordOf>, { kind, agent }: ReportScope['parameters']): boolean {
  if (record === undefined) return false;
  if (kind !== undefined && record.kind !== kind) return false;
  return agent === undefined || record.agent_id === agent || record.agent === agent;
}

/** What is known for certain goes before what was unknown once. */
async function resultsOf(
  { client, workspaceId }: ReportScope,
  calls: readonly string[],
): Promise<ReadonlyMap<string, CallResult>> {
  if (calls.length === 0) return new Map();
  const { rows } = await client.query<CallResult & { call: string }>({
    name: 'evidence-results',
    text: `SELECT DISTINCT ON (call_event_id) call_event_id AS call, outcome, record ->> 'tool_reference' AS tool_reference,
                  record -> 'spent' AS spent, (record ->> 'rows_out')::bigint AS rows_out
             FROM actions WHERE workspace_id = $1 AND kind = 'tool.result' AND call_event_id = ANY($2)
            ORDER BY call_event_id, outcome = 'unknown', seq`,
    values: [workspaceId, calls],
  });
  return new Map(rows.map(({ call, ...result }) => [call, result]));
}

/** Also under addresses that they have no more. */
async function peopleByEmail({ client, workspaceId }: ReportScope): Promise<ReadonlyMap<string, string>> {
  const { rows } = await client.query<{ email: string; id: string }>(
    `SELECT record #>> '{changes,email,0}' AS email, record ->> 'person_id' AS id FROM actions
      WHERE workspace_id = $1 AND kind = 'person.changed' AND record #>> '{changes,email,0}' IS NOT NULL
     UNION ALL SELECT email, id FROM people WHERE workspace_id = $1`,
    [workspaceId],
  );
  return new Map(rows.map(({ email, id }) => [email, id]));
}
