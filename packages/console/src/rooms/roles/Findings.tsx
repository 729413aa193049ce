import type { Finding } from '../../api/types.ts';
import { Mark } from '../../ui/Verdict.tsx';
import classes from './roles.module.css';

const TONES = { error: 'deny', warning: 'review', note: 'neutral' } as const;

/** What lint has against the draft: it can be published, and does not do what it seems to. */
export function Findings({ findings }: { readonly findings: readonly Finding[] }) {
  if (findings.length === 0) return null;
  return (
    <div className="stack-tight" data-testid="findings">
      <h3>Findings</h3>
      <ul className={classes.findings}>
        {findings.map(({ code, level, guard, path, message, remedy }) => (
          <li key={`${code} ${path} ${message}`}>
            <Mark tone={TONES[level]}>{level}</Mark> <span className="mono">{guard ?? path}</span> {message}.{' '}
            <span className="muted">{remedy}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
