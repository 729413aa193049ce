/** Findings of lint, cells of the matrix and misfits that a change brings or takes away. */
import {
  type CellDifference,
  covers,
  type Difference,
  type Finding,
  lintPolicy,
  type MatrixCell,
  matrixDifference,
  type PolicySet,
  pathText,
} from '@hivekey/policy';
import { Failure } from '../errors.ts';
import { findingView, misfits } from '../roles/index.ts';
import type { PreviewDocument } from './preview.ts';

const MAX_FINDINGS = 200;
const MAX_CELLS = 500;

/** `lintBefore`: findings of the policy in force, which are the same for every change of it. */
export function lintDifference(lintBefore: readonly Finding[], after: PolicySet): PreviewDocument['lint'] {
  const lintAfter = lintPolicy(after);
  const [old, now] = [new Set(lintBefore.map(keyOf)), new Set(lintAfter.map(keyOf))];
  const views = (findings: readonly Finding[], others: ReadonlySet<string>) =>
    findings
      .filter((finding) => !others.has(keyOf(finding)))
      .slice(0, MAX_FINDINGS)
      .map((finding) => findingView({ ...finding, path: pathText(finding.path) }));
  return { new: views(lintAfter, old), resolved: views(lintBefore, now) };
}

/** Its place is no part of what a finding says. */
function keyOf({ code, level, origin, guard, message }: Finding): string {
  return JSON.stringify([code, level, origin, guard ?? null, message]);
}

export function misfitsOf(after: PolicySet): PreviewDocument['misfits'] {
  return misfits(after).map(({ origin, problem: { path, message, remedy } }) => ({ origin, path, message, remedy }));
}

/** So long other calls wait at most: whoever may ask for a preview says what it is of. */
const CELLS_MS = 4_000;

function untilTooLong(): () => void {
  const endsAt = performance.now() + CELLS_MS;
  return () => {
    if (performance.now() < endsAt) return;
    throw new Failure(
      422,
      'preview_too_large',
      'What it decides cannot be found out in a few seconds: it has too many bounds for too many capabilities.',
      'Ask for it in parts, or name what the rules are about instead of "*".',
    );
  };
}

/** Cells that the differences can reach, before and after. Throws `preview_too_large`. */
export function cellDifferences(
  before: PolicySet,
  after: PolicySet,
  { items }: Difference,
  atMs: number,
): PreviewDocument['matrix'] {
  const deciding = items.filter(({ direction }) => direction !== 'neutral');
  const roles = new Set(
    deciding.flatMap(({ kind, origin }) => (['role', 'grant', 'guard'].includes(kind) ? [origin] : [])),
  );
  const patterns = deciding.flatMap(({ kind, origin, action }) => {
    if (kind === 'freeze' || kind === 'sources') return ['*'];
    return kind === 'capability' || origin === 'workspace' ? [action ?? '*'] : [];
  });
  const names = new Set([...before.roles, ...after.roles].flatMap(({ allow }) => allow));
  const capabilities = new Set([...names].filter((name) => patterns.some((pattern) => covers(pattern, name))));
  const beforeEach = untilTooLong();
  const found = [
    ...(roles.size === 0 ? [] : matrixDifference(before, after, { atMs, roles, beforeEach })),
    ...(capabilities.size === 0 ? [] : matrixDifference(before, after, { atMs, capabilities, beforeEach })),
  ];
  const cells = new Map(found.map((each) => [JSON.stringify([each.role, each.capability]), each]));
  return { changed: cells.size, cells: [...cells.values()].slice(0, MAX_CELLS).map(cellView) };
}

function cellView({ role, capability, before, after }: CellDifference) {
  return { role, capability, before: markView(before), after: markView(after) };
}

function markView({ mark, text, guards }: MatrixCell) {
  return { mark, text, guards: [...guards] };
}
