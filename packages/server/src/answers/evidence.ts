/** The four answers about every agent of a period, one row a claim: what a reader finds behind each sentence. */
import type { Column, Facts, Row, TableShape } from '@hivekey/evidence';
import { type BlastRadius, radiusInWords } from '@hivekey/policy';
import type { Report, ReportContent, ReportScope } from '../evidence/index.ts';
import { type Answer, ASKED, type Claim, QUESTIONS, type Question, recorded, unrecorded } from './answer.ts';
import { answerTo } from './answers.ts';

const COLUMNS: readonly Column[] = [
  { name: 'agent_id', kind: 'id', about: 'The agent.' },
  { name: 'agent', kind: 'text', about: 'Its handle as the export was made.' },
  { name: 'topic', kind: 'text', about: 'What the claim is about.' },
  { name: 'claim', kind: 'text', about: 'The claim in words.' },
  { name: 'at', kind: 'time', about: 'When it came about.' },
  { name: 'by', kind: 'text', about: 'Who did it, as the record names them.' },
  { name: 'record_id', kind: 'id', about: 'The record of the log that says so; empty where none does.' },
  { name: 'computed_from', kind: 'text', about: 'What it was computed from, where no record says it.' },
  { name: 'status', kind: 'text', about: '`recorded`, `computed` or `no record`.' },
];

const NAMES: Readonly<Record<Question, string>> = {
  authority: 'q1_authority',
  blast_radius: 'q2_blast-radius',
  activity: 'q3_activity',
  revocation: 'q4_revocation',
};

const SHAPES: readonly TableShape[] = QUESTIONS.map((question) => ({
  name: NAMES[question],
  title: ASKED[question],
  columns: COLUMNS,
}));

// Shadows of rehearsals are no agents of anybody.
const AGENTS = `
SELECT a.id, a.handle AS name, s.status
  FROM agents a JOIN agent_state s ON s.workspace_id = a.workspace_id AND s.agent_id = a.id
 WHERE a.workspace_id = $1 AND a.rehearsal_id IS NULL AND a.created_at < $3
   AND NOT EXISTS (SELECT FROM containments k JOIN containment_agents c ON c.workspace_id = k.workspace_id AND c.containment_id = k.id
                    WHERE k.workspace_id = a.workspace_id AND c.agent_id = a.id AND s.status = 'revoked' AND k.scope = 'agent'
                      AND k.lifted_at IS NULL AND k.ordered_at < $2)
 ORDER BY a.id COLLATE "C"`;

const ACCEPTED = `
SELECT b.id, b.person, b.result, b.accepted_at, b.until, b.reason,
       (SELECT x.event_id FROM actions x WHERE x.workspace_id = b.workspace_id AND x.kind NOT IN ('tool.call', 'tool.result')
           AND x.kind = 'blast_radius.accepted' AND x.record ->> 'acceptance' = b.id LIMIT 1) AS event_id
  FROM blast_radius_acceptances b
 WHERE b.workspace_id = $1 AND b.subject_kind = 'agent' AND b.subject_id = $2 AND b.accepted_at < $4
   AND coalesce(b.ended_at, b.until) > $3 ORDER BY b.accepted_at`;

interface AgentRow {
  readonly id: string;
  readonly name: string;
}

interface Accepted {
  readonly id: string;
  readonly person: string;
  readonly result: BlastRadius;
  readonly accepted_at: Date;
  readonly until: Date;
  readonly reason: string;
  readonly event_id: string | null;
}

export const answersReport: Report = {
  id: 'answers',
  folder: '10_questions',
  item: 0,
  title: 'The four questions, about every agent',
  about:
    'Who gave each agent its permissions, the most it could have done, what it did, and how it would be stopped. Each row is one claim with the record of the log behind it; a claim that nobody recorded is there and says so.',
  controls: ['AG-01', 'AG-02', 'AG-06', 'AG-15', 'AG-20'],
  tables: SHAPES,
  query: `Agents: ${AGENTS.trim()}\n\nOf each: authority as at the end of the period, blast radius as it was accepted in the period, activity and stops of the period.`,
  read,
};

async function read(scope: ReportScope): Promise<ReportContent> {
  const { client, workspaceId, period, context } = scope;
  const { rows: agents } = await client.query<AgentRow>(AGENTS, [workspaceId, period.from, period.to]);
  const counts = new Map<string, Record<string, number>>();
  const ask = (question: Question, agent: AgentRow): Promise<readonly Claim[]> => {
    if (question === 'blast_radius') return acceptedClaims(scope, agent);
    const nowMs = Date.parse(scope.asOf);
    // The last millisecond of a half-open period.
    const last = new Date(Math.min(Date.parse(period.to) - 1, nowMs));
    const when = { at: last, from: new Date(period.from), to: new Date(period.to) };
    const { pool, worlds } = context;
    return answerTo({ pool, worlds, clock: () => nowMs }, workspaceId, question, agent.id, when).then(settled);
  };
  return {
    rows: Object.fromEntries(
      QUESTIONS.map((question) => {
        const name = NAMES[question];
        return [name, rowsOf(agents, (agent) => ask(question, agent), counted(counts, name))];
      }),
    ),
    facts: async () =>
      Object.fromEntries(
        QUESTIONS.map((question) => [NAMES[question], factsOf(agents.length, counts.get(NAMES[question]))]),
      ),
  };
}

/** What is true of the moment of the export alone has no place in the evidence of a period. */
function settled({ claims }: Answer): readonly Claim[] {
  return claims.filter(({ topic }) => topic !== 'Now' && topic !== 'Signed');
}

async function acceptedClaims(
  { client, workspaceId, period }: ReportScope,
  { id, name }: AgentRow,
): Promise<readonly Claim[]> {
  const { rows } = await client.query<Accepted>(ACCEPTED, [workspaceId, id, period.from, period.to]);
  if (rows.length === 0)
    return [unrecorded('Acceptance', `Nobody accepted the blast radius of ${name} in this period.`)];
  return rows.flatMap(({ person, result, accepted_at: at, until, reason, event_id: event }) => {
    const said = { at: at.toISOString(), by: person };
    const numbers = result.cells
      .filter(({ horizon, line }) => horizon === '24h' && line === 'alone')
      .map(({ unit, amount }) =>
        recorded(
          unit.replaceAll('_', ' '),
          `${radiusInWords(amount, unit)} in 24 hours without help of a person.`,
          event,
          said,
        ),
      );
    return [
      ...numbers,
      recorded('Acceptance', `${person} accepted it until ${until.toISOString().slice(0, 10)}: ${reason}`, event, said),
    ];
  });
}

async function* rowsOf(
  agents: readonly AgentRow[],
  claimsOf: (agent: AgentRow) => Promise<readonly Claim[]>,
  count: (status: string) => void,
): AsyncGenerator<Row, void, undefined> {
  for (const agent of agents)
    for (const { topic, sentence, at, by, record, computed_from: from, missing } of await claimsOf(agent)) {
      const status = missing ? 'no record' : record === null ? 'computed' : 'recorded';
      count(status);
      yield [agent.id, agent.name, topic, sentence, at, by, record, from, status];
    }
}

function counted(counts: Map<string, Record<string, number>>, name: string): (status: string) => void {
  const tally: Record<string, number> = {};
  counts.set(name, tally);
  return (status) => {
    tally[status] = (tally[status] ?? 0) + 1;
  };
}

function factsOf(agents: number, tally: Readonly<Record<string, number>> = {}): Facts {
  return {
    source_counts: { agents },
    control_totals: Object.fromEntries(Object.entries(tally).map(([status, n]) => [`count.status.${status}`, n])),
    first_seq: null,
    last_seq: null,
    gaps: [],
    filters: ['agents that were there in the period'],
    exclusions: [],
    redactions: [],
    tie_out: 'equal',
  };
}
