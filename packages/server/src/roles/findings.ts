/** Findings of lint, as the API shows them. */
import { type FindingCode, type FindingLevel, lintPolicy, type PolicySet, pathText } from '@hivekey/policy';
import { z } from 'zod';

export const findingSchema = z
  .object({
    code: z.string(),
    level: z.enum(['error', 'warning', 'note']),
    origin: z.string().meta({ description: 'The role, or `workspace`.' }),
    guard: z.string().nullable().meta({ description: 'Null where it is about a grant.' }),
    message: z.string(),
    remedy: z.string(),
    path: z.string(),
    line: z.int().optional(),
    column: z.int().optional(),
  })
  .meta({ id: 'LintFinding' });

export type FindingView = z.output<typeof findingSchema>;

export function findingView(finding: {
  readonly code: FindingCode;
  readonly level: FindingLevel;
  readonly origin: string;
  readonly guard?: string;
  readonly message: string;
  readonly remedy: string;
  readonly path: string;
  readonly line?: number;
  readonly column?: number;
}): FindingView {
  const { code, level, origin, guard, message, remedy, path, line, column } = finding;
  const place = line === undefined || column === undefined ? {} : { line, column };
  return { code, level, origin, guard: guard ?? null, message, remedy, path, ...place };
}

/** Of one role, or of the workspace's guards, within the whole policy. */
export function findingsOf(set: PolicySet, origin: string): FindingView[] {
  return lintPolicy(set).flatMap((finding) =>
    finding.origin === origin ? [findingView({ ...finding, path: pathText(finding.path) })] : [],
  );
}
