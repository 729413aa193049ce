/** Changes of the shipped rules that their samples must notice. */
import type { FlatEvent, ParameterValue } from '../src/index.ts';

/** One of `text` (in the file), `parameters`, `event` and `at` (what the rule sees of each event, and when). */
export interface Mutation {
  readonly ref: string;
  readonly name: string;
  readonly text?: readonly [from: string, to: string];
  readonly parameters?: Readonly<Record<string, ParameterValue>>;
  readonly event?: (event: FlatEvent) => FlatEvent;
  readonly at?: (at: number) => number;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** A window that begins when the clock says so, in place of one that slides. */
const fixed = (length: number) => (at: number) => Math.floor(at / length) * length;
const without = (field: string) => (event: FlatEvent) => ({ ...event, [field]: undefined });
const always = (field: string, value: unknown) => (event: FlatEvent) => ({ ...event, [field]: value });
const of = (kind: string, change: (event: FlatEvent) => FlatEvent) => (event: FlatEvent) =>
  event.kind === kind ? change(event) : event;

export const MUTATIONS: readonly Mutation[] = [
  { ref: 'D01', name: 'one denial more', parameters: { denials: 11 } },
  { ref: 'D01', name: 'one denial less', parameters: { denials: 9 } },
  { ref: 'D01', name: 'a longer window', parameters: { timespan: '6m' } },
  { ref: 'D01', name: 'a window that does not slide', at: fixed(5 * MINUTE) },
  { ref: 'D01', name: 'without the verdict', text: ['kind: tool.call, verdict: deny', 'kind: tool.call'] },
  { ref: 'D01', name: 'by another key', text: ['group-by: [agent_id]', 'group-by: [tool]'] },
  { ref: 'D02', name: 'one tool more', parameters: { tools: 6 } },
  { ref: 'D02', name: 'one tool less', parameters: { tools: 4 } },
  { ref: 'D02', name: 'a window that does not slide', at: fixed(15 * MINUTE) },
  { ref: 'D02', name: 'whatever the reason', text: [', reason_class: scope', ''] },
  { ref: 'D02', name: 'calls in place of tools', text: ['field: tool', 'field: event_id'] },
  { ref: 'D03', name: 'of agents that are new', parameters: { known_days: 6 } },
  { ref: 'D03', name: 'also what is refused', event: of('tool.call', always('verdict', 'allow')) },
  { ref: 'D03', name: 'tools of all agents together', event: of('tool.call', always('agent_id', 'agt_all')) },
  { ref: 'D03', name: 'without the note', event: of('role.changed', without('granted')) },
  { ref: 'D03b', name: 'also what is refused', event: always('verdict', 'allow') },
  { ref: 'D03b', name: 'of owners that are new', parameters: { known_days: 9 } },
  { ref: 'D03b', name: 'another line for high', parameters: { high_amount_minor: 80001 } },
  { ref: 'D04', name: 'an hour longer', parameters: { to_hour: 21 } },
  { ref: 'D04', name: 'an hour shorter', parameters: { to_hour: 19 } },
  { ref: 'D04', name: 'also what is not destructive', text: [', destructive: true', ''] },
  { ref: 'D04', name: 'weekends are working days', text: ['local_dow: [6, 7]', 'local_dow: [8]'] },
  { ref: 'D05', name: 'a smaller day', parameters: { day_cap_minor: 999999 } },
  { ref: 'D05', name: 'a larger day', parameters: { day_cap_minor: 1080000 } },
  { ref: 'D05', name: 'without the floor', parameters: { floor_minor: 0 } },
  { ref: 'D05', name: 'a day in place of the hour', at: fixed(24 * HOUR) },
  { ref: 'D05', name: 'also what is refused', event: always('verdict', 'allow') },
  { ref: 'D06', name: 'one approval less', parameters: { grants: 9 } },
  { ref: 'D06', name: 'one approval more', parameters: { grants: 11 } },
  { ref: 'D06', name: 'without looking at the time', parameters: { median_dwell_ms: 60000 } },
  { ref: 'D06', name: 'a window that does not slide', at: fixed(10 * MINUTE) },
  { ref: 'D06', name: 'instant is longer', parameters: { instant_dwell_ms: 2001 } },
  { ref: 'D06', name: 'refusals count as approvals', event: of('approval.decided', always('decision', 'approve')) },
  { ref: 'D07', name: 'two payments', parameters: { payments: 2 } },
  { ref: 'D07', name: 'four payments', parameters: { payments: 4 } },
  { ref: 'D07', name: 'smaller payments count', parameters: { share: 0.7999 } },
  { ref: 'D07', name: 'a longer window', parameters: { window_seconds: 86401 } },
  { ref: 'D07', name: 'whoever is paid', event: always('payee', 'anybody') },
  { ref: 'D08', name: 'the owner may', text: ['1 of by_*', 'by_requester'] },
  { ref: 'D08', name: 'the requester may', text: ['1 of by_*', 'by_owner'] },
  {
    ref: 'D08',
    name: 'all approvers in place of the last',
    text: ['approver|fieldref: owner', 'approvers|fieldref: owner'],
  },
  { ref: 'D08b', name: 'policies for longer', parameters: { author_hours: 25 } },
  { ref: 'D08b', name: 'policies for less', parameters: { author_hours: 23 } },
  { ref: 'D08b', name: 'accounts for longer', parameters: { account_days: 31 } },
  { ref: 'D08b', name: 'refusals, too', event: of('approval.decided', always('decision', 'approve')) },
  { ref: 'D09', name: 'arguments are not compared', event: of('tool.call', without('args_digest')) },
  { ref: 'D09', name: 'no grace', parameters: { grace_seconds: 4 } },
  { ref: 'D09', name: 'grants are not needed', event: of('approval.requested', always('kind', 'approval.granted')) },
  {
    ref: 'D09',
    name: 'also what is refused',
    event: of('tool.call', (event) => (event.verdict === 'deny' ? { ...event, verdict: 'allow' } : event)),
  },
  {
    ref: 'D10',
    name: 'the link is not compared',
    event: (event) => ({ ...event, ...(event.prev_hash === undefined ? {} : { hash: 'same', prev_hash: 'same' }) }),
  },
  { ref: 'D10', name: 'numbers are not compared', event: without('seq') },
  { ref: 'D10', name: 'roots are not compared', event: without('root_hash') },
  { ref: 'D10', name: 'a shorter silence', parameters: { checkpoint_seconds: 59 } },
  { ref: 'D10', name: 'a smaller step of the clock', parameters: { clock_step_seconds: 4 } },
  { ref: 'D11', name: 'one denial less', parameters: { denials: 2 } },
  { ref: 'D11', name: 'one denial more', parameters: { denials: 4 } },
  { ref: 'D11', name: 'a longer window', parameters: { window_seconds: 601 } },
  { ref: 'D11', name: 'a rehearsal is like any stop', event: without('rehearsal') },
  {
    ref: 'D11',
    name: 'never restored',
    event: (event) => (event.kind === 'agent.restored' ? { ...event, kind: 'agent.changed' } : event),
  },
  { ref: 'D12', name: 'no review needed', text: ['(unreviewed and not not_asked) or ', ''] },
  { ref: 'D12', name: 'review is always needed', text: [' and not not_asked', ''] },
  { ref: 'D12', name: 'own review is one', text: ['or own_review ', ''] },
  { ref: 'D12', name: 'freezes do not count', text: ['or frozen ', ''] },
  { ref: 'D12', name: 'agents may', text: [' or by_agent', ''] },
  { ref: 'D12', name: 'also what changes by itself', text: ['and not 1 of automatic_* ', ''] },
  { ref: 'D12b', name: 'for longer', parameters: { within_seconds: 3601 } },
  { ref: 'D12b', name: 'for less', parameters: { within_seconds: 3599 } },
  { ref: 'D12b', name: 'also what did not loosen', event: of('policy.changed', always('loosens', true)) },
  { ref: 'D13', name: 'anywhere in the name', parameters: { canary_tools: ['*canary_*'] } },
  { ref: 'D13', name: 'by case', text: ['tool|expand:', 'tool|expand|cased:'] },
  { ref: 'D13', name: 'only what is refused', text: ['{ kind: tool.call }', '{ kind: tool.call, verdict: deny }'] },
  { ref: 'D13', name: 'another register', parameters: { canary_resources: ['canary_*'] } },
  { ref: 'D14', name: 'a smaller limit before anything is learned', parameters: { limit_bytes: 4100000 } },
  { ref: 'D14', name: 'a larger limit', parameters: { limit_bytes: 5402000 } },
  { ref: 'D14', name: 'hardly above the usual', parameters: { z: 1 } },
  { ref: 'D14', name: 'a smaller first transfer', parameters: { first_destination_bytes: 999999 } },
  { ref: 'D14', name: 'destinations are not known', event: of('tool.call', without('dest')) },
  { ref: 'D15', name: 'one call more', parameters: { calls: 6 } },
  { ref: 'D15', name: 'one call less', parameters: { calls: 4 } },
  { ref: 'D15', name: 'all runs together', event: always('run_id', 'run_all') },
  { ref: 'D15', name: 'nothing is sensitive', parameters: { sensitive_sources: [] } },
  { ref: 'D15', name: 'all is trusted', event: always('provenance', 'trusted') },
  { ref: 'D16', name: 'approval does not count', event: of('tool.changed', always('change', 'changed')) },
  { ref: 'D16', name: 'also what is refused', event: of('tool.call', always('verdict', 'allow')) },
  { ref: 'D16', name: 'digests are not compared', event: without('tool_digest') },
  { ref: 'D17', name: 'a longer time', parameters: { within_seconds: 301 } },
  { ref: 'D17', name: 'a shorter time', parameters: { within_seconds: 299 } },
  { ref: 'D17', name: 'all credentials together', event: always('token_id', 'tok_all') },
  {
    ref: 'D17',
    name: 'addresses in place of networks',
    event: (event) => ({ ...event, src_ip: `${event.src_ip}`.replaceAll('.', '-') }),
  },
  { ref: 'D18', name: 'fewer calls', parameters: { calls: 10 } },
  { ref: 'D18', name: 'more calls', parameters: { calls: 51 } },
  { ref: 'D18', name: 'less than a day', parameters: { silence_seconds: 86399 } },
  {
    ref: 'D18',
    name: 'revoked ones, too',
    event: of('agent.revoked', without('agent_id')),
  },
  { ref: 'D18b', name: 'for less', parameters: { paused_seconds: 3599 } },
  { ref: 'D18b', name: 'for longer', parameters: { paused_seconds: 7200 } },
  {
    ref: 'D18b',
    name: 'never resumed',
    event: (event) => (event.kind === 'sink.resumed' ? { ...event, kind: 'sink.redriven' } : event),
  },
  { ref: 'D19', name: 'a missing mode counts', text: ['mode|neq: enforce', 'mode|exists: false'] },
  { ref: 'D19', name: 'errors do not count', text: ['evaluator or call', 'call'] },
  { ref: 'D20', name: 'new sinks count', text: ['(changed and not harmless)', 'changed'] },
  { ref: 'D20', name: 'changes do not', text: ['or (changed and not harmless) ', ''] },
  {
    ref: 'D20',
    name: 'resuming counts',
    text: ['[sink.paused, sink.skipped]', '[sink.paused, sink.skipped, sink.resumed]'],
  },
  { ref: 'D21', name: 'of keys that are new', parameters: { known_days: 0 } },
  { ref: 'D21', name: 'people, too', event: always('actor_type', 'key') },
  { ref: 'D21', name: 'all keys together', event: always('actor_name', 'all') },
  { ref: 'D22', name: 'falling asleep, too', text: ['kind: agent.woke', 'kind|startswith: agent.'] },
];
