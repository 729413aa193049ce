/** Plans and drift in words. */
import type { PolicyCode, PolicyPlan } from '@hivekey/sdk';
import { paint, printable, when } from '../output.ts';
import type { GitState } from './git.ts';
import { wordsOf } from './kinds.ts';
import type { LoadedFolder } from './load.ts';

const SIGNS = { add: '+', change: '~', remove: '-' } as const;
const LEVELS = { error: 'red', warning: 'yellow', note: 'dim' } as const;
const STYLES = { add: 'green', change: 'yellow', remove: 'red' } as const;

export function planText(plan: PolicyPlan, { git, tests }: LoadedFolder): string {
  const { operations, words, findings, unchanged, change } = plan;
  const lines = operations.map((operation) => {
    const { action } = operation;
    const loud = action === 'remove' ? '  REMOVED: it is live and not in the folder' : '';
    return paint(STYLES[action], printable(`${SIGNS[action]} ${wordsOf(operation)}${loud}`));
  });
  const number = (action: keyof typeof SIGNS) => operations.filter((each) => each.action === action).length;
  const total =
    operations.length === 0
      ? `No changes: ${unchanged} objects are live as the folder has them.`
      : `${number('add')} to add, ${number('change')} to change, ${number('remove')} to remove; ${unchanged} as they are.`;
  return [
    paint('dim', printable(gitText(git))),
    ...lines,
    ...words.map((each) => printable(`  ${each}`)),
    ...findings.map(({ level, origin, message, remedy }) =>
      paint(LEVELS[level], printable(`! ${level} ${origin}: ${message}. ${remedy}`)),
    ),
    total,
    ...(tests === undefined ? [] : [`Tests: ${tests.passed} hold.`]),
    ...(change === null ? [] : [`${change.name} asks for exactly this, and is ${change.status}.`]),
  ].join('\n');
}

function gitText(git: GitState): string {
  if (git.kind === 'none') return `Not of a commit: ${git.reason}.`;
  const { source, differing } = git;
  const { commit, author, repository, signature } = source;
  const key = signature.key === null ? '' : ` by ${signature.key}`;
  const dirty = differing.length === 0 ? '' : ` · not as committed: ${differing.join(', ')}`;
  return `${repository} at ${commit.slice(0, 12)} by ${author} · signature ${signature.status}${key}${dirty}`;
}

const STATES = {
  changed_here: 'changed here',
  removed_here: 'removed here',
  not_in_git: 'here, and not in Git',
} as const;

export function driftText({ commit, repository, applied_at: at, applied_by: by, objects }: PolicyCode): string {
  if (at === null) return 'Nothing was applied from files yet.';
  const named = commit === null ? 'files of no commit' : `${repository} at ${commit.slice(0, 12)}`;
  const lines = objects.flatMap((object) =>
    object.state === 'same' ? [] : [paint('yellow', printable(`! ${wordsOf(object)}: ${STATES[object.state]}`))],
  );
  const total =
    lines.length === 0
      ? `No drift: ${objects.length} objects are live as Git has them.`
      : `${lines.length} of ${objects.length} objects are not as Git has them.`;
  return [paint('dim', printable(`${named}, applied ${when(at)} by ${by}`)), ...lines, total].join('\n');
}
