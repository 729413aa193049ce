/** Words for verdicts. Output is always canonical. */
import type { Verdict } from '../model.ts';
import { type DocumentPath, type Problems, quote } from './problems.ts';

const WORDS: ReadonlyMap<string, Verdict> = new Map([
  ['allow', 'allow'],
  ['deny', 'deny'],
  ['deny·cap', 'deny'],
  ['deny · cap', 'deny'],
  ['block', 'deny'],
  ['review', 'review'],
  ['approve', 'review'],
  ['hold', 'review'],
  ['pending', 'review'],
  ['pending_approval', 'review'],
  ['needs-approval', 'review'],
  ['require_approval', 'review'],
  ['require approval', 'review'],
]);

const STRICTNESS: Readonly<Record<Verdict, number>> = { allow: 0, review: 1, deny: 2 };

export function parseVerdict(word: string): Verdict | undefined {
  return WORDS.get(word);
}

export function isStricter(a: Verdict, b: Verdict): boolean {
  return STRICTNESS[a] > STRICTNESS[b];
}

export function stricterOf(a: Verdict, b: Verdict): Verdict {
  return isStricter(a, b) ? a : b;
}

export function verdictOf(value: unknown, path: DocumentPath, problems: Problems): Verdict | undefined {
  const verdict = typeof value === 'string' ? parseVerdict(value) : undefined;
  if (verdict === undefined)
    problems.add(path, 'bad_verdict', `${quote(value)} is no verdict`, 'Write allow, deny or review.');
  return verdict;
}
