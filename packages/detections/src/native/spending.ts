/** D05 and D07: how fast money leaves, and in what pieces. */
import { durationInWords } from '../documents/duration.ts';
import { idOf, isSynthetic, type Match, numberField, textField } from '../evaluator.ts';
import type { FlatEvent } from '../types.ts';
import {
  type Baseline,
  type BaselineSettings,
  deviationsOf,
  NEW_BASELINE,
  reported,
  withAmount,
} from '../windows/baseline.ts';
import { Keyed } from '../windows/keyed.ts';
import { evaluator, type NativeRule, notesMemory, ofWindow, Windows } from './native.ts';

const HOUR_MS = 3_600_000;

interface Payment {
  readonly owner: string;
  readonly amount: number;
}

function paymentOf(event: FlatEvent): Payment | undefined {
  const owner = textField(event, 'owner');
  const amount = numberField(event, 'amount_minor');
  return event.verdict === 'allow' && owner !== undefined && amount !== undefined ? { owner, amount } : undefined;
}

/** Of an owner: half of the day's limit within an hour, or an hour far above the usual ones. */
export const spendVelocity: NativeRule = {
  fields: ['kind', 'verdict', 'owner', 'amount_minor'],
  start(params) {
    const limit = params.number('day_cap_minor') * params.number('share');
    const floor = params.number('floor_minor');
    const z = params.number('z');
    const settings: BaselineSettings = {
      periodMs: HOUR_MS,
      alpha: params.number('alpha'),
      learned: params.number('learned_hours'),
      floorShare: 0.05,
    };
    const hours = new Windows(HOUR_MS);
    const baselines = new Keyed<Baseline>();
    const take = (event: FlatEvent, at: number): readonly Match[] => {
      const payment = paymentOf(event);
      if (payment === undefined) return [];
      const { owner, amount } = payment;
      const window = hours.add(owner, at, amount, idOf(event), isSynthetic(event));
      const found = ofWindow(window, at);
      const common = { group: { owner }, from: at - HOUR_MS, to: at, event, ...found };
      const matches: Match[] = [];
      if (found.sum > limit)
        matches.push({
          ...common,
          clause: 'limit',
          measured: { sum: found.sum, limit },
          reason: `${found.sum} spent in an hour, above ${limit}`,
        });
      const baseline = withAmount(baselines.use(owner) ?? NEW_BASELINE, at, amount, settings);
      const deviations = deviationsOf(baseline, settings);
      const [period, running] = baseline;
      const isUnusual = deviations !== undefined && deviations > z && running > floor;
      // An hour that either clause reports is not learned: it would teach that such hours are usual.
      baselines.set(owner, isUnusual || found.sum > limit ? reported(baseline) : baseline);
      if (isUnusual)
        matches.push({
          ...common,
          ...{ clause: 'unusual', from: period * HOUR_MS },
          measured: { sum: running, deviations: Math.round(deviations * 10) / 10 },
          reason: `${running} spent since the hour began, ${Math.round(deviations * 10) / 10} deviations above the usual`,
        });
      return matches;
    };
    return evaluator({ kinds: ['tool.call'], memory: { hours, baselines: notesMemory(baselines) }, take });
  },
};

/** To one payee of an owner: several payments just under what would take a person's approval. */
export const splitting: NativeRule = {
  fields: ['kind', 'verdict', 'owner', 'payee', 'amount_minor', 'approval_threshold'],
  start(params) {
    const windowMs = params.seconds('window_seconds');
    const least = params.number('payments');
    const share = params.number('share');
    const otherwise = params.number('threshold_minor');
    const windows = new Windows(windowMs);
    const take = (event: FlatEvent, at: number): readonly Match[] => {
      const payment = paymentOf(event);
      const payee = textField(event, 'payee');
      if (payment === undefined || payee === undefined) return [];
      const { owner, amount } = payment;
      const threshold = numberField(event, 'approval_threshold') ?? otherwise;
      if (amount < share * threshold || amount > threshold) return [];
      const window = windows.add(JSON.stringify([owner, payee]), at, amount, idOf(event), isSynthetic(event));
      const found = ofWindow(window, at);
      if (found.count < least || found.sum <= threshold) return [];
      const reason = `${found.count} payments to ${payee} in ${durationInWords(windowMs)}, each just under ${threshold}, ${found.sum} together`;
      const measured = { sum: found.sum, threshold };
      return [{ group: { owner, payee }, from: at - windowMs, to: at, event, ...found, measured, reason }];
    };
    return evaluator({ kinds: ['tool.call'], memory: { windows }, take });
  },
};
