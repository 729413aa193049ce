import type { ReactNode } from 'react';
import { plural } from '../../ui/format.ts';
import { ErrorNotice, Problems } from '../../ui/Notice.tsx';
import { Panel } from '../../ui/Page.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import { Findings } from './Findings.tsx';
import classes from './roles.module.css';
import type { DraftCheck } from './use-draft-check.ts';

/** What publishing would do: to whom, what comes and goes, and the tool list an agent with this role alone would see. */
export function PreviewPanel({
  isDirty,
  isNew,
  agents,
  added,
  removed,
  check,
  isCurrent,
  error,
  retry,
  children,
}: {
  readonly isDirty: boolean;
  readonly isNew: boolean;
  readonly agents: number;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly check: DraftCheck | undefined;
  readonly isCurrent: boolean;
  readonly error: Error | null;
  readonly retry: () => void;
  readonly children?: ReactNode;
}) {
  const preview = check?.preview;
  return (
    <Panel>
      <div className="stack" aria-live="polite">
        <div className="spread">
          <h2>{isDirty ? 'Draft' : 'Published'}</h2>
          <Mark tone={isDirty ? 'review' : 'allow'}>{isDirty ? 'not enforced' : 'enforcing'}</Mark>
        </div>
        <p className="muted">{isNew ? 'A new role; no agent wears it.' : `Applies to ${plural(agents, 'agent')}.`}</p>
        {error === null ? null : <ErrorNotice error={error} retry={retry} />}
        {check !== undefined && check.problems.length > 0 ? (
          <p className={classes.bad}>
            {plural(check.problems.length, 'problem')} in the rules: see beside the document.
          </p>
        ) : null}
        {children}
        <Names title="Added" sign="+" names={added} />
        <Names title="Removed" sign="−" names={removed} />
        {preview === undefined ? null : (
          <>
            <Problems problems={preview.problems} />
            <Findings findings={preview.findings} />
            <div className="stack-tight" data-current={isCurrent} data-testid="preview-tools">
              <h3>
                {preview.tools.length === 0
                  ? 'An agent with this role sees no tools'
                  : `An agent with this role sees ${plural(preview.tools.length, 'tool')}`}
              </h3>
              <ul className={classes.tools}>
                {preview.tools.map(({ kind, name, access, guards }) => (
                  <li key={`${kind} ${name}`} className={classes.tool}>
                    <span className="mono truncate" title={name}>
                      {name}
                    </span>
                    <span className={classes.toolAccess}>
                      {access}
                      {guards.length === 0 ? '' : ', guarded'}
                    </span>
                  </li>
                ))}
              </ul>
            </div>
          </>
        )}
      </div>
    </Panel>
  );
}

function Names({
  title,
  sign,
  names,
}: {
  readonly title: string;
  readonly sign: string;
  readonly names: readonly string[];
}) {
  if (names.length === 0) return null;
  return (
    <div>
      <h3>{title}</h3>
      <ul className={classes.changes}>
        {names.map((name) => (
          <li key={name} className="mono truncate" title={name} data-sign={sign}>
            {sign} {name}
          </li>
        ))}
      </ul>
    </div>
  );
}
