/** The report on tested rules: evidence that each fired on its attack, and on nothing else. */
import { canonicalJson, formatHash, sha256 } from '@hivekey/action-log';
import { ENGINE_VERSION } from '../engine.ts';
import type { RuleTest } from './test-rule.ts';

export interface TestReport {
  readonly v: 1;
  readonly made_at: string;
  /** Who ran the tests. */
  readonly operator: string;
  readonly engine_version: string;
  readonly passed: number;
  readonly failed: number;
  readonly rules: readonly RuleTest[];
}

export function testReport(rules: readonly RuleTest[], operator: string, madeAt: string): TestReport {
  const passed = rules.filter(({ result }) => result === 'passed').length;
  return {
    v: 1,
    made_at: madeAt,
    operator,
    engine_version: ENGINE_VERSION,
    passed,
    failed: rules.length - passed,
    rules,
  };
}

/** The text that is signed, as a C2SP signed note: three lines, of which the last is the digest of the report's RFC 8785 form. */
export function reportNote(report: TestReport): string {
  const digest = formatHash(sha256(Buffer.from(canonicalJson(report))));
  return `HiveKey detection test report v1\n${report.made_at}\n${digest}\n`;
}
