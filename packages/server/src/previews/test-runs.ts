/** Behaviour tests on the policy as it would be, each beside what it says of the policy in force. */
import { setImmediate } from 'node:timers/promises';
import { type PolicyFileResult, type PolicySet, runPolicyTests } from '@hivekey/policy';
import type { PreviewDocument } from './preview.ts';
import type { TestDocument } from './types.ts';

type Run = PreviewDocument['tests'];
export type SourcedTest = TestDocument & { readonly source: Run['files'][number]['source'] };

const MAX_FAILURES = 50;

export async function testRun(tests: readonly SourcedTest[], before: PolicySet, after: PolicySet): Promise<Run> {
  let [passed, failed] = [0, 0];
  const files: Run['files'] = [];
  for (const { name, text, source } of tests) {
    await setImmediate();
    const now = runPolicyTests([{ path: name, text }], after);
    // what was true before says whether it is this change that breaks it
    const then = now.ok ? undefined : runPolicyTests([{ path: name, text }], before);
    passed += now.passed;
    failed += now.failed;
    for (const file of now.files) {
      if (file.problems.length > 0) failed += 1;
      files.push(fileRun(file, source, then?.files[0]));
    }
  }
  return { passed, failed, files };
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
