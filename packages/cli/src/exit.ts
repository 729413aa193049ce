/** How the command ends. The numbers are part of the interface: scripts compare them. */
import { HiveKeyError, type Problem } from '@hivekey/sdk';

export const EXIT = {
  done: 0,
  /** The server refused, or something broke. */
  failed: 1,
  /** The command line was wrong; commander ends with it, too. */
  usage: 2,
  /** What was checked is not as it should be: verify, policy test, policy lint, doctor. */
  checkFailed: 3,
  /** No server answered. */
  noAnswer: 4,
} as const;

/** The command line, or a file it names, cannot be used. */
export class UsageError extends Error {
  readonly remedy: string;

  constructor(cause: string, remedy: string) {
    super(cause);
    this.remedy = remedy;
  }
}

/** A file whose content cannot be used, with every problem in it. */
export class DocumentError extends UsageError {
  constructor(path: string, problems: readonly Problem[]) {
    const lines = problems.map(({ line, column, message, remedy = '' }) =>
      `  ${path}:${line ?? 1}:${column ?? 1} ${message}. ${remedy}`.trimEnd(),
    );
    super(`${path} cannot be used.`, lines.join('\n'));
  }
}

/** The exit code that a thrown value ends with. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof HiveKeyError && error.status === 0) return EXIT.noAnswer;
  return EXIT.failed;
}

/** Lines for standard error: cause, remedy, then each problem with its place. */
export function explain(error: unknown): string {
  if (error instanceof UsageError) return `${error.message}\n${error.remedy}\n`;
  if (!(error instanceof HiveKeyError)) {
    const bug = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `unexpected failure: ${bug}\n`;
  }
  const problems = error.problems.map(({ message, path, line, column, remedy }) => {
    const place = line === undefined ? path : `line ${line}, column ${column ?? 1}`;
    return `  ${place === undefined || place === '' ? '' : `${place}: `}${message}${remedy === undefined ? '' : ` ${remedy}`}`;
  });
  const request = error.requestId === undefined ? '' : ` (request ${error.requestId})`;
  return `${[`${error.code}: ${error.message}${request}`, error.remedy, ...problems].filter((line) => line !== '').join('\n')}\n`;
}
