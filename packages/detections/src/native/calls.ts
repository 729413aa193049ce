/** D11, D12b, D15, D16 and D17: what agents do that they should not be doing now. */
import { durationInWords } from '../documents/duration.ts';
import { idOf, isSynthetic, type Match, single, textField } from '../evaluator.ts';
import { networkOf } from '../sigma/cidr.ts';
import { compilePieces, piecesOf } from '../sigma/pattern.ts';
import type { FlatEvent } from '../types.ts';
import { Keyed } from '../windows/keyed.ts';
import { evaluator, type NativeRule, notesMemory, ofWindow, Windows } from './native.ts';

/** How refusals count: not those of a rehearsal, which are what it measures. */
const COUNTED = 1;
const REHEARSED = 0;

/** Between `agent.revoked` and `agent.restored`, by the order of the log: any allowed call, or several that were refused. */
export const revokedAgent: NativeRule = {
  fields: ['kind', 'agent_id', 'agent', 'verdict', 'rehearsal'],
  start(params) {
    const windowMs = params.seconds('window_seconds');
    const least = params.number('denials');
    const revoked = new Keyed<typeof COUNTED | typeof REHEARSED>();
    const denials = new Windows(windowMs);
    return evaluator({
      kinds: ['agent.revoked', 'agent.restored', 'tool.call'],
      memory: { revoked: notesMemory(revoked), denials },
      take(event, at) {
        const agent = textField(event, 'agent_id');
        if (agent === undefined) return [];
        if (event.kind === 'agent.revoked')
          revoked.set(agent, textField(event, 'rehearsal') === undefined ? COUNTED : REHEARSED);
        if (event.kind === 'agent.restored') {
          revoked.delete(agent);
          denials.delete(agent);
        }
        if (event.kind !== 'tool.call' || revoked.peek(agent) === undefined) return [];
        if (event.verdict === 'allow')
          return [
            single(event, at, ['agent_id'], 'a call of a revoked agent was allowed', {
              clause: 'allowed',
              level: 'critical',
              suppressionMs: 0,
            }),
          ];
        if (event.verdict !== 'deny' || revoked.peek(agent) === REHEARSED) return [];
        const found = ofWindow(denials.add(agent, at, 1, idOf(event), isSynthetic(event)), at);
        if (found.count < least) return [];
        const reason = `a revoked agent goes on calling: ${found.count} refusals in ${durationInWords(windowMs)}`;
        return [
          {
            clause: 'calling',
            group: { agent_id: agent },
            from: at - windowMs,
            to: at,
            event,
            ...found,
            measured: { denials: found.count },
            reason,
          },
        ];
      },
    });
  },
};

interface Loosening {
  readonly at: number;
  readonly id: string;
  /** The policy before it. */
  readonly before: string;
}

const MAX_LOOSENINGS = 16;

/** A policy was loosened, and soon after a call ran that the policy before would have refused. */
export const loosenedThenUsed: NativeRule = {
  fields: ['kind', 'loosens', 'prev_policy', 'policy', 'verdict', 'agent_id'],
  start(params, { decideAgain }) {
    const withinMs = params.seconds('within_seconds');
    const loosenings = new Keyed<Loosening>({ keys: MAX_LOOSENINGS, weight: Number.POSITIVE_INFINITY });
    return evaluator({
      kinds: ['policy.changed', 'tool.call'],
      memory: { loosenings: notesMemory(loosenings) },
      take(event, at) {
        if (event.kind === 'policy.changed') {
          const before = textField(event, 'prev_policy');
          if (event.loosens === true && before !== undefined)
            loosenings.set(idOf(event), { at, id: idOf(event), before });
          return [];
        }
        if (event.verdict !== 'allow' || decideAgain === undefined) return [];
        for (const [key, { at: when, id, before }] of [...loosenings.entries()]) {
          if (at - when > withinMs) {
            loosenings.delete(key);
            continue;
          }
          const verdict = decideAgain(event, before);
          if (verdict === undefined || verdict === 'allow') continue;
          const reason = `a call ran that the policy before would have ${verdict === 'deny' ? 'refused' : 'held'}`;
          return [single(event, at, ['agent_id'], reason, { evidence: [id, idOf(event)], from: when })];
        }
        return [];
      },
    });
  },
};

interface Run {
  readonly calls: number;
  /** Number of the call that brought content which is not trusted, its id and time; 0: none. */
  readonly taintedBy: number;
  readonly taintId: string;
  readonly taintAt: number;
  readonly lastReadId: string;
  readonly sensitive: boolean;
}

const NEW_RUN: Run = { calls: 0, taintedBy: 0, taintId: '', taintAt: 0, lastReadId: '', sensitive: false };

/** Within a few calls after content that is not trusted came in: a change, or something sent out. */
export const taintThenAction: NativeRule = {
  fields: [
    'kind',
    'agent_id',
    'run_id',
    'session_id',
    'provenance',
    'access',
    'external',
    'verdict',
    'tool',
    'action',
    'resource',
  ],
  start(params) {
    const within = params.number('calls');
    const sensitive = params.texts('sensitive_sources').map((text) => compilePieces(piecesOf(text), false));
    const runs = new Keyed<Run>();
    return evaluator({
      kinds: ['tool.call'],
      memory: { runs: notesMemory(runs) },
      take(event, at) {
        const agent = textField(event, 'agent_id');
        // Calls that name no run are one: whoever leaves it out gets away with nothing.
        const run = textField(event, 'run_id') ?? textField(event, 'session_id') ?? '';
        if (agent === undefined || event.verdict === 'deny') return [];
        const key = `${agent}\n${run}`;
        const before = runs.use(key) ?? NEW_RUN;
        const calls = before.calls + 1;
        const isRead = event.access === 'read';
        const isUntrusted = event.provenance === 'untrusted';
        const names = ['tool', 'action', 'resource'].flatMap((field) => textField(event, field) ?? []);
        let { taintedBy, taintId, taintAt } = before;
        // A call that is made after such content came in is untrusted: the first of them tells that the read before it brought it.
        if (isUntrusted && taintedBy === 0 && before.lastReadId !== '')
          [taintedBy, taintId, taintAt] = [calls - 1, before.lastReadId, at];
        const acts = !isRead || event.external === true;
        const match =
          acts && taintedBy > 0 && calls - taintedBy <= within
            ? found(event, at, taintId, taintAt, before.sensitive)
            : undefined;
        if (isRead && isUntrusted) [taintedBy, taintId, taintAt] = [calls, idOf(event), at];
        runs.set(key, {
          ...{ calls, taintedBy, taintId, taintAt },
          lastReadId: isRead ? idOf(event) : before.lastReadId,
          sensitive: before.sensitive || (isRead && names.some((name) => sensitive.some((test) => test(name)))),
        });
        return match === undefined ? [] : [match];
      },
    });
  },
};

function found(event: FlatEvent, at: number, taintId: string, from: number, hadSensitive: boolean): Match {
  const sendsOut = event.external === true;
  const what = sendsOut ? 'something is sent out' : 'something is changed';
  const run = ['run_id', 'session_id'].find((field) => textField(event, field) !== undefined);
  const group = ['agent_id', ...(run === undefined ? [] : [run])];
  return single(event, at, group, `content that is not trusted came in, then ${what}`, {
    from,
    evidence: [taintId, idOf(event)],
    ...(sendsOut && hadSensitive ? { clause: 'sensitive', level: 'critical' as const } : { clause: 'action' }),
  });
}

/** A tool is called by another definition than before, and nobody has approved that. */
export const toolDrift: NativeRule = {
  fields: ['kind', 'verdict', 'namespace', 'tool', 'tool_digest', 'change', 'pin', 'server'],
  start() {
    const used = new Keyed<string>();
    const approved = new Keyed<1>();
    return evaluator({
      kinds: ['tool.call', 'tool.changed'],
      memory: { used: notesMemory(used), approved: notesMemory(approved) },
      take(event, at) {
        if (event.kind === 'tool.changed') {
          const pin = textField(event, 'pin');
          if (event.change === 'approved' && pin !== undefined) approved.set(pin, 1);
          return [];
        }
        const pin = textField(event, 'tool_digest');
        const tool = textField(event, 'tool');
        if (event.verdict !== 'allow' || pin === undefined || tool === undefined) return [];
        const key = `${textField(event, 'namespace') ?? ''}\n${tool}`;
        const before = used.use(key);
        used.set(key, pin);
        if (before === undefined || before === pin || approved.peek(pin) !== undefined) return [];
        return [
          single(
            event,
            at,
            ['tool'],
            `${tool} has another definition than when it was last called, and nobody approved it`,
            { measured: { before, now: pin } },
          ),
        ];
      },
    });
  },
};

/** The newest use of a credential from each place, and by each agent. */
interface Uses {
  readonly places: readonly (readonly [network: string, at: number, id: string])[];
  readonly agents: readonly (readonly [agent: string, id: string])[];
}

const MAX_USES = 8;

/** One credential in two places within minutes, or of two agents. */
export const tokenShared: NativeRule = {
  fields: ['kind', 'token_id', 'src_ip', 'agent_id'],
  start(params) {
    const withinMs = params.seconds('within_seconds');
    const tokens = new Keyed<Uses>();
    return evaluator({
      kinds: ['tool.call'],
      memory: { tokens: notesMemory(tokens) },
      take(event, at) {
        const token = textField(event, 'token_id');
        if (token === undefined) return [];
        const before = tokens.use(token) ?? { places: [], agents: [] };
        const [id, address, agent] = [idOf(event), textField(event, 'src_ip'), textField(event, 'agent_id')];
        const network = address === undefined ? undefined : networkOf(address);
        const matches: Match[] = [];
        const elsewhere =
          network === undefined
            ? undefined
            : before.places.findLast(([other, when]) => other !== network && at - when <= withinMs && when <= at);
        if (elsewhere !== undefined) {
          const reason = `one credential from two networks in ${durationInWords(withinMs)}`;
          matches.push(
            single(event, at, ['token_id'], reason, {
              clause: 'networks',
              from: elsewhere[1],
              evidence: [elsewhere[2], id],
            }),
          );
        }
        const another = before.agents.find(([other]) => agent !== undefined && other !== agent);
        if (another !== undefined)
          matches.push(
            single(event, at, ['token_id'], 'one credential of two agents', {
              clause: 'agents',
              level: 'critical',
              evidence: [another[1], id],
            }),
          );
        const places =
          network === undefined
            ? before.places
            : [...before.places.filter(([other]) => other !== network), [network, at, id] as const].slice(-MAX_USES);
        const isKnown = agent === undefined || before.agents.some(([other]) => other === agent);
        const agents = isKnown ? before.agents : [...before.agents, [agent, id] as const].slice(-MAX_USES);
        tokens.set(token, { places, agents });
        return matches;
      },
    });
  },
};
