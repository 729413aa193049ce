/** D14: how much an agent sends out. The size stands on the result, the destination on the call before it. */
import { durationInWords } from '../documents/duration.ts';
import { idOf, isSynthetic, type Match, numberField, single, textField } from '../evaluator.ts';
import {
  type Baseline,
  type BaselineSettings,
  deviationsOf,
  NEW_BASELINE,
  reported,
  withAmount,
} from '../windows/baseline.ts';
import { Keyed } from '../windows/keyed.ts';
import { SeenBefore } from '../windows/seen.ts';
import { evaluator, type NativeRule, notesMemory, ofWindow, Windows } from './native.ts';

const MAX_OPEN_CALLS = 10_000;
const FORGET_MS = 30 * 86_400_000;

export const egressSpike: NativeRule = {
  fields: ['kind', 'verdict', 'agent_id', 'agent', 'bytes_out', 'external', 'dest', 'call_event_id'],
  start(params) {
    const windowMs = params.seconds('window_seconds');
    const limit = params.number('limit_bytes');
    const z = params.number('z');
    const firstLimit = params.number('first_destination_bytes');
    const settings: BaselineSettings = {
      periodMs: windowMs,
      alpha: params.number('alpha'),
      learned: params.number('learned_periods'),
      floorShare: 0.05,
    };
    const windows = new Windows(windowMs);
    const baselines = new Keyed<Baseline>();
    const destinations = new SeenBefore(FORGET_MS);
    /** Destinations of calls whose result is still to come. */
    const open = new Keyed<string>({ keys: MAX_OPEN_CALLS, weight: Number.POSITIVE_INFINITY });
    return evaluator({
      kinds: ['tool.call', 'tool.result'],
      memory: { windows, baselines: notesMemory(baselines), destinations, open: notesMemory(open) },
      take(event, at) {
        const agent = textField(event, 'agent_id');
        if (agent === undefined) return [];
        const dest = textField(event, 'dest');
        if (event.kind === 'tool.call') {
          if (event.verdict === 'allow' && event.external === true && dest !== undefined) open.set(idOf(event), dest);
          return [];
        }
        const bytes = numberField(event, 'bytes_out');
        const call = textField(event, 'call_event_id') ?? '';
        const to = open.peek(call);
        open.delete(call);
        if (bytes === undefined) return [];
        const found = ofWindow(windows.add(agent, at, bytes, idOf(event), isSynthetic(event)), at);
        const matches: Match[] = [];
        const baseline = withAmount(baselines.use(agent) ?? NEW_BASELINE, at, bytes, settings);
        const deviations = deviationsOf(baseline, settings);
        const isSpike = found.sum > limit && (deviations === undefined || deviations > z);
        baselines.set(agent, isSpike ? reported(baseline) : baseline);
        if (isSpike) {
          const rounded =
            deviations === undefined
              ? 'too little is known to compare'
              : `${Math.round(deviations * 10) / 10} deviations above the usual`;
          const reason = `${found.sum} bytes sent in ${durationInWords(windowMs)}: ${rounded}`;
          matches.push({
            clause: 'spike',
            group: { agent_id: agent },
            from: at - windowMs,
            to: at,
            event,
            ...found,
            measured: { bytes: found.sum, limit },
            reason,
          });
        }
        if (to !== undefined && destinations.see(`${agent}\n${to}`, at) === undefined && bytes > firstLimit)
          matches.push(
            single(event, at, ['agent_id'], `${bytes} bytes to ${to}, where this agent has sent nothing before`, {
              clause: 'destination',
              measured: { bytes },
              evidence: [call, idOf(event)],
            }),
          );
        return matches;
      },
    });
  },
};
