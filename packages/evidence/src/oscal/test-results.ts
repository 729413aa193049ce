/**
 * A run as in-toto statements, one a line: test-result v0.1 where a control was tested, and a predicate of our own where it was not,
 * as that one has no place for it. The subject is the run.
 */
import { hash } from 'node:crypto';
import { canonicalJson } from '@hivekey/action-log';
import type { RunControl, RunDocument } from '../controls/run.ts';
import type { Json } from '../types.ts';
import { tokenOf } from './assessment-results.ts';

const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
export const TEST_RESULT = 'https://in-toto.io/attestation/test-result/v0.1';
export const NOT_TESTED = 'https://hivekey.ai/attestations/control-not-tested/v1';

/** `name` and `bytes`: of the file with the run. `warned`: controls that pass while a deficiency of theirs is open. */
export function testResultLines(
  run: RunDocument,
  name: string,
  bytes: Uint8Array | string,
  warned: ReadonlySet<string> = new Set(),
): readonly string[] {
  const subject = [{ name, digest: { sha256: hash('sha256', bytes) } }];
  return run.controls.map((control) =>
    canonicalJson({ _type: STATEMENT_TYPE, subject, ...predicateOf(control, warned.has(control.id)) }),
  );
}

function predicateOf(
  control: RunControl,
  isWarned: boolean,
): { readonly predicateType: string; readonly predicate: Json } {
  const { id, state, reason, query_sha256 } = control;
  if (state !== 'pass' && state !== 'fail')
    return { predicateType: NOT_TESTED, predicate: { control: id, state: tokenOf(state), reason } };
  const result = state === 'fail' ? 'FAILED' : isWarned ? 'WARNED' : 'PASSED';
  const of = (wanted: string): readonly string[] => (result === wanted ? [id] : []);
  return {
    predicateType: TEST_RESULT,
    predicate: {
      result,
      configuration: [{ name: `${id}.sql`, digest: { sha256: query_sha256.replace('sha256:', '') } }],
      passedTests: of('PASSED'),
      warnedTests: of('WARNED'),
      failedTests: of('FAILED'),
    },
  };
}
