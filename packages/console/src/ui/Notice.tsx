/** What a room says when it has nothing, or cannot have it. */
import { Alert, Button } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { asApiError } from '../api/problem.ts';
import type { Problem } from '../api/types.ts';
import { CodeBlock } from './Copy.tsx';
import classes from './ui.module.css';

/** A failure with its code, cause, remedy and request id. */
export function ErrorNotice({ error, retry }: { readonly error: unknown; readonly retry?: () => void }) {
  const { message, code, remedy, requestId, problems } = asApiError(error);
  return (
    <Alert color="red" icon={<IconAlertTriangle size={16} aria-hidden />} role="alert" className={classes.notice}>
      <p className={classes.noticeCause}>{message}</p>
      <p>{remedy}</p>
      <Problems problems={problems} />
      <p className={classes.noticeFoot}>
        <code>{code}</code>
        {requestId === undefined ? null : <code>{requestId}</code>}
        {retry === undefined ? null : (
          <Button variant="default" size="compact-xs" onClick={retry}>
            Try again
          </Button>
        )}
      </p>
    </Alert>
  );
}

/** Findings in a document, with their places. */
export function Problems({ problems }: { readonly problems: readonly Problem[] }) {
  if (problems.length === 0) return null;
  return (
    <ul className={classes.problems}>
      {problems.map((problem) => (
        <li key={`${problem.code} ${problem.path} ${problem.line} ${problem.column} ${problem.message}`}>
          <span className="mono">{placeOf(problem)}</span> {problem.message}{' '}
          {problem.remedy === undefined ? null : <span className="muted">{problem.remedy}</span>}
        </li>
      ))}
    </ul>
  );
}

function placeOf({ line, column, path }: Problem): string {
  if (line !== undefined) return column === undefined ? `line ${line}` : `${line}:${column}`;
  return path === undefined || path === '' ? 'document' : path;
}

/** Nothing here yet, and what to do next. `command` does the same on the command line. */
export function Empty({
  title,
  children,
  command,
  action,
}: {
  readonly title: string;
  readonly children: ReactNode;
  readonly command?: string;
  readonly action?: ReactNode;
}) {
  return (
    <div className={classes.empty}>
      <h2>{title}</h2>
      <p className="muted">{children}</p>
      {command === undefined ? null : <CodeBlock code={command} what="command" />}
      {action}
    </div>
  );
}

/** A room, or a part of one, that the roles of whoever is signed in do not reach. */
export function NotForYou({ children }: { readonly children: string }) {
  return (
    <div className={classes.empty}>
      <h2>Not for your roles</h2>
      <p className="muted">{children} Ask an administrator of the workspace.</p>
    </div>
  );
}

/** Above what no later answer shows again. */
export function ShownOnce({ children }: { readonly children: ReactNode }) {
  return (
    <p className={classes.once} role="status">
      {children}
    </p>
  );
}
