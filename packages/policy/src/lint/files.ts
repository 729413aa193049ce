/** Lint of documents as they are written: findings with their line and column. */
import { type PolicyText, readPolicyTexts, type Source } from '../documents/policy-texts.ts';
import { pathText } from '../documents/problems.ts';
import type { DocumentProblem, PolicySet } from '../model.ts';
import type { Finding, FindingCode, FindingLevel } from './findings.ts';
import { lintPolicy } from './index.ts';

/** A finding of a text. Lines and columns count from 1; absent where the document came as a value. */
export interface PlacedFinding {
  readonly code: FindingCode;
  readonly level: FindingLevel;
  readonly file: string;
  readonly origin: string;
  readonly guard?: string;
  readonly message: string;
  readonly remedy: string;
  readonly path: string;
  readonly line?: number;
  readonly column?: number;
}

export type LintReport =
  | { readonly ok: true; readonly findings: readonly PlacedFinding[] }
  | { readonly ok: false; readonly problems: readonly (DocumentProblem & { readonly file: string })[] };

/**
 * Findings of the documents, seen together with the rest of a policy, as `readPolicyTexts` joins them. Findings of
 * what is in `beside` alone are left out.
 */
export function lintTexts(texts: readonly PolicyText[], beside?: PolicySet): LintReport {
  const read = readPolicyTexts(texts, beside);
  if (!read.ok) return read;
  return {
    ok: true,
    findings: lintPolicy(read.set).flatMap((found) => {
      const source = read.sources.get(found.origin);
      return source === undefined ? [] : [placed(found, source)];
    }),
  };
}

function placed({ path, ...finding }: Finding, { file, locate, originOf }: Source): PlacedFinding {
  const at = originOf(path);
  return { ...finding, file, path: pathText(at), ...locate(at) };
}
