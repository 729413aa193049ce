/** D18 and D18b: what has stopped. Time is that of signed checkpoints, so that a replay finds the same. */
import { durationInWords } from '../documents/duration.ts';
import { idOf, isSynthetic, type Match, textField } from '../evaluator.ts';
import type { FlatEvent } from '../types.ts';
import { Keyed } from '../windows/keyed.ts';
import { evaluator, type NativeRule, notesMemory } from './native.ts';

/** Looking at all of them costs: at most once in so much event time. */
const LOOK_MS = 60_000;

/** When it was last due; kept as a memory so that a restart looks at the same times. */
class Due {
  readonly last = new Keyed<number>();

  now(at: number): boolean {
    const last = this.last.peek('at');
    if (last !== undefined && at - last < LOOK_MS) return false;
    this.last.set('at', at);
    return true;
  }
}

type Habit = readonly [
  lastAt: number,
  lastId: string,
  calls: number,
  longestGapMs: number,
  told: 0 | 1,
  name: string,
  synthetic: 0 | 1,
];

/** An agent that used to call, and does not. */
export const silentAgent: NativeRule = {
  fields: ['kind', 'agent_id', 'agent'],
  start(params) {
    const least = params.number('calls');
    const factor = params.number('factor');
    const floorMs = params.seconds('silence_seconds');
    const habits = new Keyed<Habit>();
    const due = new Due();
    return evaluator({
      kinds: ['tool.call', 'agent.revoked', 'agent.expired'],
      memory: { habits: notesMemory(habits), due: notesMemory(due.last) },
      take(event, at) {
        const agent = textField(event, 'agent_id');
        if (agent === undefined) return [];
        if (event.kind !== 'tool.call') {
          habits.delete(agent);
          return [];
        }
        const [lastAt, , calls, longest] = habits.use(agent) ?? [at, '', 0, 0];
        const gap = Math.max(longest, at - lastAt);
        habits.set(agent, [
          Math.max(at, lastAt),
          idOf(event),
          calls + 1,
          gap,
          0,
          textField(event, 'agent') ?? agent,
          isSynthetic(event) ? 1 : 0,
        ]);
        return [];
      },
      tick(at) {
        if (!due.now(at)) return [];
        const matches: Match[] = [];
        const silent: (readonly [string, Habit])[] = [];
        for (const [agent, habit] of habits.entries()) {
          const [lastAt, lastId, calls, longest, told, name, synthetic] = habit;
          if (told === 1 || calls < least || at - lastAt <= Math.max(floorMs, factor * longest)) continue;
          const event: FlatEvent = { agent_id: agent, agent: name, event_id: lastId };
          const hours = Math.floor((at - lastAt) / 3_600_000);
          matches.push({
            ...{ group: { agent_id: agent }, from: lastAt, to: at, count: 1, isExact: true, evidence: [lastId], event },
            ...{
              measured: { hours, calls },
              reason: `no call for ${hours} hours, after ${calls} calls`,
              synthetic: synthetic === 1,
            },
          });
          silent.push([agent, [lastAt, lastId, calls, longest, 1, name, synthetic]]);
        }
        for (const [agent, habit] of silent) habits.set(agent, habit);
        return matches;
      },
    });
  },
};

type Pause = readonly [at: number, id: string, name: string, told: 0 | 1];

/** A sink that somebody has paused, and nobody resumes. */
export const silentSink: NativeRule = {
  fields: ['kind', 'sink_id', 'sink', 'change'],
  start(params) {
    const afterMs = params.seconds('paused_seconds');
    const pauses = new Keyed<Pause>();
    const due = new Due();
    return evaluator({
      kinds: ['sink.paused', 'sink.resumed', 'sink.changed'],
      memory: { pauses: notesMemory(pauses), due: notesMemory(due.last) },
      take(event, at) {
        const sink = textField(event, 'sink_id');
        if (sink === undefined) return [];
        if (event.kind === 'sink.paused') pauses.set(sink, [at, idOf(event), textField(event, 'sink') ?? sink, 0]);
        else if (event.kind === 'sink.resumed' || event.change === 'deleted') pauses.delete(sink);
        return [];
      },
      tick(at) {
        if (!due.now(at)) return [];
        const matches: Match[] = [];
        for (const [sink, [since, id, name, told]] of [...pauses.entries()]) {
          if (told === 1 || at - since <= afterMs) continue;
          pauses.set(sink, [since, id, name, 1]);
          matches.push({
            ...{ group: { sink_id: sink }, from: since, to: at, count: 1, isExact: true, evidence: [id] },
            ...{
              event: { sink_id: sink, event_id: id },
              measured: { seconds: Math.round((at - since) / 1_000) },
              synthetic: false,
            },
            reason: `the sink ${name} has been paused for more than ${durationInWords(afterMs)}`,
          });
        }
        return matches;
      },
    });
  },
};
