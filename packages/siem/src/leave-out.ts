/**
 * Which records a sink may leave out. What is not named here goes out, kinds that are not known yet among them: no
 * setting can take records about the stream, policy, roles, revocations or findings away, nor what was refused or held.
 */
import type { LogRecord } from '@hivekey/action-log';

interface LeftOut {
  /** As a checkpoint says it. */
  readonly words: string;
  readonly matches: (record: LogRecord) => boolean;
}

const LEFT_OUT = {
  reads: {
    words: 'allowed calls that read, and their results',
    matches: ({ kind, verdict, access }) =>
      access === 'read' && (kind === 'tool.result' || (kind === 'tool.call' && verdict === 'allow')),
  },
  results: { words: 'results of calls', matches: ({ kind }) => kind === 'tool.result' },
  log_reads: { words: 'reads of the log', matches: ({ kind }) => kind === 'log.read' },
  sessions: {
    words: 'sessions of the console',
    matches: ({ kind }) => kind === 'session.started' || kind === 'session.ended' || kind === 'session.stepped_up',
  },
  token_issues: { words: 'access tokens that agents get', matches: ({ kind }) => kind === 'token.issued' },
  drift_checks: {
    words: 'comparisons that found nothing',
    matches: ({ kind, findings }) => kind === 'drift.checked' && findings === 0,
  },
} satisfies Readonly<Record<string, LeftOut>>;

export type LeftOutName = keyof typeof LEFT_OUT;

export const LEFT_OUT_NAMES = [
  'reads',
  'results',
  'log_reads',
  'sessions',
  'token_issues',
  'drift_checks',
] as const satisfies readonly LeftOutName[];

export function isLeftOut(names: readonly LeftOutName[], record: LogRecord): boolean {
  return names.some((name) => LEFT_OUT[name].matches(record));
}

const NOT_SENT = 'not sent: ';
const BETWEEN = '; ';
const END = '. ';

/** What is not sent, in words; null: everything is. */
export function filterWords(names: readonly LeftOutName[], omit: readonly string[]): string | null {
  const parts = [
    ...(names.length === 0 ? [] : [NOT_SENT + names.map((name) => LEFT_OUT[name].words).join(BETWEEN)]),
    ...(omit.length === 0 ? [] : [`fields that are not sent: ${omit.join(', ')}`]),
  ];
  return parts.length === 0 ? null : parts.join(END);
}

/** What the words of {@link filterWords} leave out. What they do not say in these words is not left out. */
export function leftOutBy(words: string | null): readonly LeftOutName[] {
  const part = words?.split(END).find((each) => each.startsWith(NOT_SENT));
  const said = new Set(part?.slice(NOT_SENT.length).split(BETWEEN));
  return LEFT_OUT_NAMES.filter((name) => said.has(LEFT_OUT[name].words));
}
