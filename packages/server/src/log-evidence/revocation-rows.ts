/** A stop as rows: one for each tool with its own clock, those that need a manual step too. Pure. */
import type { Revocation, RevokedTool, TableShape } from '@hivekey/evidence';
import { column } from '../evidence/index.ts';
import type { Stop, StoppedAgent } from './stops.ts';

const COLUMNS = [
  column('revocation_id', 'id', 'The stop.'),
  column('kind', 'text', '`production`, or `drill`: on a shadow of the agent.'),
  column('agent_id', 'id', 'Who was stopped; of a drill, whose shadow was.'),
  column('trigger', 'text', 'Why, as whoever ordered it said.'),
  column('requested_by', 'text', 'Who asked for it.'),
  column('requested_at', 'time', 'When it was asked for.'),
  column('approved_by', 'text', 'The second person, where it takes two.'),
  column('mechanism', 'text', 'What ends the calls.'),
  column('tool', 'id', 'Of which tool the row is; `*`: of all of them, where the stop covers several agents.'),
  column(
    'credential_id',
    'id',
    'The connection whose credential the tool is reached with. Empty: the agent’s own tool.',
  ),
  column(
    'propagation_started_at',
    'time',
    'When the order was durable: no call is let through that is recorded after it.',
  ),
  column('effective_at', 'time', 'When the recording transaction was seen to refuse. Empty: nobody knows.'),
  column('seconds', 'number', 'From the request to then.'),
  column('probe_id', 'id', 'The attempt that was made to see it.'),
  column('probe_at', 'time', 'When.'),
  column(
    'probe_result',
    'text',
    '`refused`; `same state`: not tried, the row that refuses the others refuses it; `not refused`; `manual`: agents may hold its credential, its rotation was asked for.',
  ),
  column('in_flight_found', 'integer', 'Calls of the tool that were running.'),
  column('in_flight_outcome', 'list', 'What became of each.'),
  column('queued_cancelled', 'integer', 'Held calls that were called off, of the whole stop.'),
  column(
    'sub_agents_affected',
    'integer',
    'Agents that had acted on its behalf in the 30 days before: their calls for it are refused too.',
  ),
  column('last_success_before', 'time', 'The last call that succeeded before, by the log. Empty: none.'),
  column(
    'first_denied_after',
    'time',
    'The first call that the stop refused, by the log. Empty: the agent has not tried.',
  ),
  column(
    'residual_until',
    'time',
    'Until when a token that was leased lives on at the tool. Empty: there is none, or nobody knows.',
  ),
  column('evidence_sha256', 'id', 'Hash of the entry of the order.'),
  column('later_successes', 'integer', 'Calls that were let through after it was effective. Must be 0.'),
  column('looked_until', 'time', 'As far as was looked: 24 hours, until it was lifted, or what was known.'),
  column('custody', 'text', 'Who holds the credential: `injected`, `leased`, or `external`.'),
  column('rehearsal_id', 'id', 'Of a drill.'),
  column('drill', 'text', 'The schedule it was of.'),
  column('status', 'text', 'Of a drill: `passed`, `failed` or `running`.'),
  column('target_ms', 'integer', 'Of a drill: what was allowed.'),
  column('slowest_ms', 'number', 'Of a drill: the latest refusal.'),
];

export const REVOCATIONS: TableShape = { name: 'revocations', title: 'Revocations', columns: COLUMNS };
export const DRILLS: TableShape = { name: 'drills', title: 'Drills', columns: COLUMNS };
export const PROBES: TableShape = {
  name: 'per-tool-probes',
  title: 'What a probe got after the stop, tool by tool',
  columns: [
    column('revocation_id', 'id', 'The stop.'),
    column('kind', 'text', '`production` or `drill`.'),
    column('tool', 'id', 'The tool.'),
    column('agents', 'integer', 'Covered agents that it was granted to.'),
    column('probe_id', 'id', 'The attempt.'),
    column('probe_at', 'time', 'When it was refused. Empty: it was not tried, or not refused.'),
    column('probe_result', 'text', '`refused`, `same state`, `not refused` or `manual`.'),
    column('code', 'text', 'What the caller was answered, of a drill.'),
    column('seconds', 'number', 'From the request.'),
    column('custody', 'text', 'Who holds the credential.'),
    column('residual_until', 'time', 'Until when a leased token lives on.'),
  ],
};

interface Line {
  readonly tool: string;
  readonly agents: number | null;
  readonly effectiveAt: string | null;
  readonly probeAt: string | null;
  readonly probeResult: string;
  readonly code: string | null;
  readonly custody: string | null;
  readonly server: string | null;
  readonly residualUntil: string | null;
}

const iso = (at: Date | string | null): string | null => (at === null ? null : new Date(at).toISOString());

function requestedAt({ proposed_at: proposed, ordered_at: ordered }: Stop): Date {
  return proposed ?? ordered;
}

function secondsFrom(stop: Stop, at: string | null): number | null {
  return at === null ? null : (Date.parse(at) - requestedAt(stop).getTime()) / 1000;
}

/** Of a drill, what the shadow was answered; else what the recording transaction was. Then what needs a hand. */
function linesOf(stop: Stop): readonly Line[] {
  const connections = new Map(stop.connections.map((connection) => [connection.server, connection]));
  const of = (tool: string) => {
    const connection = connections.get(tool.split('.')[0] ?? '');
    return {
      custody: connection?.custody ?? null,
      server: connection?.server ?? null,
      residualUntil: iso(connection?.ends_at ?? null),
    };
  };
  const lines: Line[] =
    stop.rehearsal === null
      ? stop.tools.map(({ capability, agents, refused_at: refused }) => ({
          tool: capability,
          agents,
          effectiveAt: iso(refused) ?? iso(stop.effective_at),
          probeAt: iso(refused),
          probeResult: refused === null ? 'same state' : 'refused',
          code: null,
          ...of(capability),
        }))
      : stop.rehearsal.tools.map(({ capability, refused, code, ms }) => {
          const at = refused && ms !== null ? new Date(stop.ordered_at.getTime() + ms).toISOString() : null;
          return {
            tool: capability,
            agents: 1,
            effectiveAt: at,
            probeAt: at,
            probeResult: refused ? 'refused' : 'not refused',
            code,
            ...of(capability),
          };
        });
  const manual = stop.connections
    .filter(({ custody }) => custody === 'external' && stop.rehearsal === null)
    .map(
      ({ server, custody }): Line => ({
        tool: `${server}.*`,
        agents: null,
        effectiveAt: null,
        probeAt: null,
        probeResult: 'manual',
        code: null,
        custody,
        server,
        residualUntil: null,
      }),
    );
  return [...lines, ...manual];
}

const NOT_LISTED: Omit<Line, 'effectiveAt'> = {
  tool: '*',
  agents: null,
  probeAt: null,
  probeResult: 'same state',
  code: null,
  custody: null,
  server: null,
  residualUntil: null,
};

/** Of a stop of one agent a row for each tool; of one that covers several, a row for each agent: which had which tool stands beside it. */
export function revocationRows(stop: Stop): readonly object[] {
  const [only] = stop.agents;
  const all: Line = { ...NOT_LISTED, effectiveAt: iso(stop.effective_at) };
  if (stop.agents.length === 1 && only !== undefined) {
    const lines = linesOf(stop);
    return (lines.length === 0 ? [all] : lines).map((line) => rowOf(stop, only, line));
  }
  if (stop.agents.length === 0) return [rowOf(stop, undefined, all)];
  return stop.agents.map((agent) => rowOf(stop, agent, all));
}

function rowOf(stop: Stop, agent: StoppedAgent | undefined, line: Line): object {
  const { rehearsal } = stop;
  const calls = stop.calls.filter(
    ({ capability, agent: name }) =>
      (line.tool === '*' || capability === line.tool) &&
      (agent === undefined || name === agent.name || rehearsal !== null),
  );
  return {
    revocation_id: stop.id,
    kind: rehearsal === null ? 'production' : 'drill',
    agent_id: rehearsal?.agent_id ?? agent?.id,
    trigger: stop.reason,
    requested_by: stop.proposed_by ?? stop.actor,
    requested_at: requestedAt(stop),
    approved_by: stop.confirmed_by,
    mechanism: `kill switch of the ${stop.scope}: the transaction that records calls refuses`,
    tool: line.tool,
    credential_id: line.server,
    propagation_started_at: stop.committed_at,
    effective_at: line.effectiveAt,
    seconds: secondsFrom(stop, line.effectiveAt),
    probe_id: line.probeAt === null ? null : `${stop.id}/${line.tool}`,
    probe_at: line.probeAt,
    probe_result: line.probeResult,
    in_flight_found: calls.length,
    in_flight_outcome: calls.map(({ fate }) => fate),
    queued_cancelled: stop.approvals_cancelled,
    sub_agents_affected: agent?.sub_agents.length ?? 0,
    last_success_before: iso(agent?.last_success ?? null),
    first_denied_after: iso(agent?.first_denied ?? null),
    residual_until: line.residualUntil,
    evidence_sha256: stop.entry_hash,
    later_successes: agent?.later ?? 0,
    looked_until: iso(agent?.looked_until ?? null),
    custody: line.custody,
    rehearsal_id: rehearsal?.id,
    drill: rehearsal?.drill,
    status: rehearsal?.status,
    target_ms: rehearsal?.target_ms,
    slowest_ms: rehearsal?.slowest_ms,
  };
}

export function probeRows(stop: Stop): readonly object[] {
  return linesOf(stop).map((line) => ({
    revocation_id: stop.id,
    kind: stop.rehearsal === null ? 'production' : 'drill',
    tool: line.tool,
    agents: line.agents,
    probe_id: line.probeAt === null ? null : `${stop.id}/${line.tool}`,
    probe_at: line.probeAt,
    probe_result: line.probeResult,
    code: line.code,
    seconds: secondsFrom(stop, line.effectiveAt),
    custody: line.custody,
    residual_until: line.residualUntil,
  }));
}

/** What a page and a drawing are laid out from. `referenceOf`: of a call, how the tool itself knows it. */
export function revocationOf(stop: Stop, referenceOf: (eventId: string) => string | null): Revocation {
  const { rehearsal, agents } = stop;
  const times = (pick: (agent: StoppedAgent) => string | null) =>
    agents.flatMap((agent) => iso(pick(agent)) ?? []).sort();
  const looked = times(({ looked_until: until }) => until).at(0);
  return {
    id: stop.id,
    kind: rehearsal === null ? 'production' : 'drill',
    agent: rehearsal?.agent ?? (agents.length === 1 ? (agents[0]?.name ?? '') : `${agents.length} agents`),
    trigger: stop.reason === '' ? 'no reason was given' : stop.reason,
    requestedBy: stop.proposed_by ?? stop.actor,
    approvedBy: stop.confirmed_by,
    mechanism: `kill switch of the ${stop.scope}: the transaction that records calls refuses`,
    requestedAt: requestedAt(stop).toISOString(),
    lastSuccessAt: times(({ last_success: at }) => at).at(-1) ?? null,
    firstDeniedAt: times(({ first_denied: at }) => at).at(0) ?? null,
    tools: linesOf(stop).map(
      (line): RevokedTool => ({
        tool: line.tool,
        credential: line.custody === null ? 'the agent’s own tool' : `${line.server ?? ''} (${line.custody})`,
        effectiveAt: line.effectiveAt,
        probeAt: line.probeAt,
        probeResult: line.probeResult,
        isDenied: line.probeResult === 'refused' ? true : line.probeResult === 'not refused' ? false : null,
        residualUntil: line.residualUntil,
      }),
    ),
    inFlight: stop.calls.map(({ event_id: id, capability, fate }) => ({
      what: `${capability} (${id})`,
      outcome: fate.replaceAll('_', ' '),
      reference: referenceOf(id),
    })),
    queuedCancelled: stop.approvals_cancelled,
    subAgents: [...new Set(agents.flatMap(({ sub_agents: ids }) => ids))].sort(),
    laterSuccesses:
      looked === undefined
        ? null
        : {
            count: agents.reduce((sum, { later }) => sum + later, 0),
            hours: Math.floor((Date.parse(looked) - stop.ordered_at.getTime()) / 3_600_000),
          },
    records: stop.event_id === null ? [] : [stop.event_id],
  };
}
