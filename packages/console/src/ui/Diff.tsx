import { diffLines } from 'diff';
import { Scrolled } from './Scrolled.tsx';
import classes from './ui.module.css';

interface Line {
  readonly sign: ' ' | '+' | '-';
  readonly text: string;
  readonly key: string;
}

/** Unchanged lines shown around a change. */
const CONTEXT = 3;

/** What changed between two texts, line by line. Long unchanged parts are folded. */
export function Diff({
  before,
  after,
  label,
}: {
  readonly before: string;
  readonly after: string;
  readonly label: string;
}) {
  const lines = linesOf(before, after);
  if (lines.every(({ sign }) => sign === ' ')) return <p className="muted">No difference.</p>;
  return (
    <Scrolled className={classes.diff} label={label}>
      {fold(lines).map((line) =>
        typeof line === 'number' ? (
          <div key={`fold ${line}`} className={classes.fold}>
            …
          </div>
        ) : (
          <div key={line.key} data-sign={line.sign}>
            <span className={classes.sign}>{line.sign}</span>
            {line.sign === ' ' ? null : (
              <span className="visually-hidden">{line.sign === '+' ? 'added: ' : 'removed: '}</span>
            )}
            {line.text}
          </div>
        ),
      )}
    </Scrolled>
  );
}

function linesOf(before: string, after: string): Line[] {
  const lines: Line[] = [];
  for (const { value, added, removed } of diffLines(before, after)) {
    const sign = added ? '+' : removed ? '-' : ' ';
    for (const text of value.replace(/\n$/, '').split('\n')) lines.push({ sign, text, key: `${lines.length}` });
  }
  return lines;
}

function fold(lines: readonly Line[]): (Line | number)[] {
  const near = lines.map((_, i) =>
    lines.slice(Math.max(0, i - CONTEXT), i + CONTEXT + 1).some(({ sign }) => sign !== ' '),
  );
  const shown: (Line | number)[] = [];
  lines.forEach((line, i) => {
    if (near[i]) shown.push(line);
    else if (typeof shown.at(-1) !== 'number') shown.push(i);
  });
  return shown;
}
