/** D03, D03b, D21: something done for the first time by somebody who is no longer new. */
import { listField, type Match, numberField, single, textField } from '../evaluator.ts';
import type { FlatEvent, Level } from '../types.ts';
import { Keyed } from '../windows/keyed.ts';
import { SeenBefore } from '../windows/seen.ts';
import { evaluator, type NativeRule, notesMemory } from './native.ts';

const DAY_MS = 86_400_000;

/** Who is known since when, and what each was seen with. */
class FirstSeen {
  readonly knownSince = new Keyed<number>();
  readonly pairs: SeenBefore;
  readonly #knownMs: number;

  constructor(knownDays: number, forgetDays: number) {
    this.#knownMs = knownDays * DAY_MS;
    this.pairs = new SeenBefore(forgetDays * DAY_MS);
  }

  meet(who: string, at: number): void {
    const since = this.knownSince.use(who);
    if (since === undefined || at < since) this.knownSince.set(who, at);
  }

  /** Notes the pair; whether it is new, and of somebody who is not. `resetAt`: what was seen before then does not count. */
  isNew(who: string, what: string, at: number, resetAt = Number.NEGATIVE_INFINITY): boolean {
    this.meet(who, at);
    const since = this.knownSince.peek(who) ?? at;
    const last = this.pairs.see(`${who}\n${what}`, at);
    const isNew = last === undefined || last < resetAt;
    return isNew && at - since > this.#knownMs;
  }
}

/** A call by an agent with a tool that it has not used for `forget_days`, or never. */
export const firstSeenTool: NativeRule = {
  fields: ['kind', 'verdict', 'agent_id', 'agent', 'tool', 'access', 'role', 'action', 'granted', 'change', 'roles'],
  start(params) {
    const seen = new FirstSeen(params.number('known_days'), params.number('forget_days'));
    const noteMs = params.number('forget_days') * DAY_MS;
    const grants = new Keyed<number>();
    const take = (event: FlatEvent, at: number): readonly Match[] => {
      const agent = textField(event, 'agent_id');
      if (event.kind === 'role.changed') {
        const role = textField(event, 'role');
        if (role !== undefined) for (const action of listField(event, 'granted')) grants.set(`${role}\n${action}`, at);
        return [];
      }
      if (agent === undefined) return [];
      if (event.kind === 'agent.created') {
        seen.meet(agent, at);
        return [];
      }
      const tool = textField(event, 'tool');
      if (event.verdict !== 'allow' || tool === undefined) return [];
      const granted = grants.peek(`${textField(event, 'role') ?? ''}\n${textField(event, 'action') ?? ''}`);
      if (!seen.isNew(agent, tool, at, granted)) return [];
      const isNote = granted !== undefined && at - granted <= noteMs;
      const level: Level = isNote ? 'informational' : event.access === 'read' ? 'medium' : 'high';
      const why = isNote ? ', which its role was given lately' : '';
      return [single(event, at, ['agent_id', 'tool'], `first use of ${tool}${why}`, { level })];
    };
    return evaluator({
      kinds: ['tool.call', 'agent.created', 'role.changed'],
      memory: { known: notesMemory(seen.knownSince), pairs: seen.pairs, grants: notesMemory(grants) },
      take,
    });
  },
};

/** Money for somebody whom the owner's agents have not paid before. */
export const firstSeenPayee: NativeRule = {
  fields: ['kind', 'verdict', 'owner', 'payee', 'amount_minor'],
  start(params) {
    const seen = new FirstSeen(params.number('known_days'), params.number('forget_days'));
    const high = params.number('high_amount_minor');
    return evaluator({
      kinds: ['tool.call'],
      memory: { known: notesMemory(seen.knownSince), pairs: seen.pairs },
      take(event, at) {
        const owner = textField(event, 'owner');
        const payee = textField(event, 'payee');
        if (event.verdict !== 'allow' || owner === undefined || payee === undefined) return [];
        if (!seen.isNew(owner, payee, at)) return [];
        const amount = numberField(event, 'amount_minor') ?? 0;
        const level: Level = amount >= high ? 'high' : 'medium';
        return [
          single(event, at, ['owner', 'payee'], `first payment to ${payee}`, {
            level,
            measured: { amount_minor: amount },
          }),
        ];
      },
    });
  },
};

/** An admin key that does what it, or from where it, has not done before. */
export const adminKeyStrays: NativeRule = {
  fields: ['kind', 'actor_type', 'actor_name', 'src_ip'],
  start(params) {
    const seen = new FirstSeen(params.number('known_days'), params.number('forget_days'));
    return evaluator({
      kinds: undefined,
      memory: { known: notesMemory(seen.knownSince), pairs: seen.pairs },
      take(event, at) {
        const key = textField(event, 'actor_name');
        const kind = textField(event, 'kind');
        if (event.actor_type !== 'key' || key === undefined || kind === undefined) return [];
        const from = textField(event, 'src_ip');
        const isNewKind = seen.isNew(key, kind, at);
        const isNewPlace = from !== undefined && seen.isNew(key, `from ${from}`, at);
        const matches: Match[] = [];
        if (isNewKind) matches.push(strayed(event, at, 'kind', `the key ${key} does ${kind} for the first time`));
        if (isNewPlace)
          matches.push(strayed(event, at, 'place', `the key ${key} is used from ${from} for the first time`));
        return matches;
      },
    });
  },
};

function strayed(event: FlatEvent, at: number, clause: string, reason: string): Match {
  const fields = clause === 'kind' ? ['actor_name', 'kind'] : ['actor_name', 'src_ip'];
  return single(event, at, fields, reason, { clause });
}
