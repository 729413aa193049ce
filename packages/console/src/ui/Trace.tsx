import type { TraceStep } from '../api/types.ts';
import classes from './Trace.module.css';
import { VerdictMark } from './Verdict.tsx';

/** A decision, rule by rule, in the order they were looked at. */
export function Trace({ steps }: { readonly steps: readonly TraceStep[] }) {
  if (steps.length === 0) return <p className="muted">No guard was asked.</p>;
  return (
    <ol className={classes.trace} aria-label="Decision trace">
      {steps.map(({ rule, origin, sentence, result, detail }, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a trace never changes, and a rule may stand in it twice
        <li key={i}>
          <VerdictMark verdict={result} />
          <div>
            <p>
              {sentence} <span className="muted">{originOf(rule, origin)}</span>
            </p>
            {detail === '' ? null : <p className="muted">{detail}</p>}
          </div>
        </li>
      ))}
    </ol>
  );
}

function originOf(rule: string, origin: string): string {
  return origin === '' || origin === rule ? rule : `${rule} · ${origin}`;
}
