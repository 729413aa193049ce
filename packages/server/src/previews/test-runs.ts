/** Behaviour tests on the policy as it would be, each beside what it says of the policy in force. Pure. */
import { type PolicyFileResult, type PolicySet, runPolicyTests } from '@hivekey/policy';
import type { PreviewDocument } from './preview.ts';
import type { TestDocument } from './types.ts';

type Run = PreviewDocument['tests'];
export type SourcedTest = TestDocument & { readonly source: Run['files'][number]['source'] };

const MAX_FAILURES = 50;

export function testRun(tests: readonly SourcedTest[], before: PolicySet, after: PolicySet): Run {
  const texts = tests.map(({ name, text }) => ({ path: name, text }));
  const now = runPolicyTests(texts, after);
  // what was true before says whether it is this change that breaks it
  const then = now.ok ? undefined : runPolicyTests(texts, before);
  return {
    passed: now.passed,
    failed: now.failed + now.files.filter(({ problems }) => problems.length > 0).length,
    files: now.files.map((file, i) => fileRun(file, tests[i]?.source ?? 'workspace', then?.files[i])),
  };
}

function fileRun(
  { path, problems, cases }: PolicyFileResult,
  source: SourcedTest['source'],
  then: PolicyFileResult | undefined,
): Run['files'][number] {
  const passedBefore = new Set(then?.cases.flatMap(({ ok, name }) => (ok ? [name] : [])));
  return {
    name: path,
    source,
    passed: cases.filter(({ ok }) => ok).length,
    problems: problems.map(({ path: at, message }) => (at === '' ? message : `${at}: ${message}`)),
    failures: cases
      .filter(({ ok }) => !ok)
      .slice(0, MAX_FAILURES)
      .map(({ name, differences }) => ({
        name,
        differences: [...differences],
        before: passedBefore.has(name) ? ('passed' as const) : ('failed' as const),
      })),
  };
}
