/** Lint: a checked policy → what in it is valid and does not do what it seems to. Pure; linear in guards × kinds of capabilities, but for pairs of guards on one capability. */
import type { PolicySet } from '../model.ts';
import { adviceOn } from './advice.ts';
import type { Finding } from './findings.ts';
import { viewsOf } from './lens.ts';
import { ruleFindings } from './rules.ts';

export type { Finding, FindingCode, FindingLevel } from './findings.ts';

const MAX_FINDINGS = 500;

/** Findings by document, in the order of their places. */
export function lintPolicy(set: PolicySet): readonly Finding[] {
  const views = viewsOf(set);
  const found = [...ruleFindings(set, views), ...adviceOn(set, views)];
  const order = new Map(['workspace', ...set.roles.map(({ name }) => name)].map((name, i) => [name, i]));
  const place = ({ origin }: Finding) => order.get(origin) ?? 0;
  return found.sort((a, b) => place(a) - place(b) || comparePaths(a.path, b.path)).slice(0, MAX_FINDINGS);
}

function comparePaths(a: Finding['path'], b: Finding['path']): number {
  for (const [i, part] of a.entries()) {
    const other = b[i];
    if (other === undefined) return 1;
    if (part === other) continue;
    return typeof part === 'number' && typeof other === 'number' ? part - other : String(part) < String(other) ? 1 : -1;
  }
  return a.length - b.length;
}
