/** A run as it counts later: what passed is not known to pass for ever. */
import { controlOf } from './controls.ts';
import type { RunControl, RunDocument } from './run.ts';
import { countStates, coverageOf, headlineOf, worstOf } from './states.ts';

const DAY_MS = 86_400_000;

/** A pass that is older than it stands for is NOT ENOUGH DATA; nothing else changes, and the run itself does not. */
export function asOfNow(run: RunDocument, nowMs: number): RunDocument {
  const ageDays = (nowMs - Date.parse(run.as_of)) / DAY_MS;
  const controls = run.controls.map((control) => staled(control, ageDays));
  const states = new Map(controls.map(({ id, state }) => [id, state]));
  const counts = countStates([...states.values()]);
  const criteria = run.criteria.map((criterion) => ({
    ...criterion,
    state: worstOf(criterion.controls.flatMap((id) => states.get(id) ?? [])),
  }));
  return { ...run, headline: headlineOf(counts), counts, ...coverageOf(counts), controls, criteria };
}

function staled(control: RunControl, ageDays: number): RunControl {
  const stands = controlOf(control.id)?.standsDays ?? 0;
  if (control.state !== 'pass' || ageDays <= stands) return control;
  const reason = `It passed ${Math.floor(ageDays)} days ago, and a pass stands for ${stands}.`;
  return { ...control, state: 'not_enough_data', enough: false, reason };
}
