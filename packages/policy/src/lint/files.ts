/** Lint of documents as they are written: findings with their line and column. */

import { readPolicyDocument } from '../documents/files.ts';
import { checkFit } from '../documents/fit.ts';
import { checkGuards } from '../documents/guards.ts';
import { type DocumentPath, type Locate, Problems, pathText } from '../documents/problems.ts';
import { roleFromDocument } from '../documents/role.ts';
import { fromRoleGuide, isRoleGuide } from '../documents/role-guide.ts';
import { readDocuments } from '../documents/text.ts';
import type { Capability, DocumentProblem, Guard, PolicySet, Role } from '../model.ts';
import type { Finding, FindingCode, FindingLevel } from './findings.ts';
import { lintPolicy } from './index.ts';

export interface PolicyText {
  /** File name, or whatever names the text in the answer. */
  readonly name: string;
  readonly text: string;
}

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

interface Source {
  readonly file: string;
  readonly locate: Locate;
  readonly originOf: (path: DocumentPath) => DocumentPath;
}

/**
 * Findings of the documents, seen together with the rest of a policy: a document takes the place of what `beside` has
 * under its name. Without `beside` the texts are all there is. Findings of what is in `beside` alone are left out.
 */
export function lintTexts(texts: readonly PolicyText[], beside: PolicySet = NOTHING): LintReport {
  const problems: (DocumentProblem & { file: string })[] = [];
  const sources = new Map<string, Source>();
  const roles = new Map<string, Role>();
  const capabilities = new Map<string, Capability>();
  let workspaceGuards: readonly Guard[] | undefined;
  for (const { name: file, text } of texts) {
    const read = readDocuments(text);
    problems.push(...read.problems.map((problem) => ({ ...problem, file })));
    for (const { value, locate } of read.documents) {
      const found = new Problems(locate);
      const document = readPolicyDocument(value, [], found);
      problems.push(...found.list.map((problem) => ({ ...problem, file })));
      if (document === undefined || !found.none) continue;
      if (document.kind === 'Capability') {
        capabilities.set(document.capability.name, document.capability);
        continue;
      }
      const originOf = isRoleGuide(value)
        ? fromRoleGuide(value, [], new Problems()).originOf
        : (path: DocumentPath) => path;
      if (document.kind === 'WorkspaceGuards') {
        const guards = checkGuards(document.guards, 'workspace');
        if (guards.ok) workspaceGuards = guards.value;
        sources.set('workspace', { file, locate, originOf });
        continue;
      }
      if (document.kind !== 'Role') continue;
      const role = roleFromDocument(document, 0);
      if (role.ok) roles.set(role.value.name, role.value);
      sources.set(document.metadata.name, { file, locate, originOf });
    }
  }
  const set: PolicySet = {
    ...beside,
    roles: [...beside.roles.filter(({ name }) => !roles.has(name)), ...roles.values()],
    workspaceGuards: workspaceGuards ?? beside.workspaceGuards,
    capabilities: [...beside.capabilities.filter(({ name }) => !capabilities.has(name)), ...capabilities.values()],
  };
  for (const [origin, { file, locate, originOf }] of sources) {
    const guards = origin === 'workspace' ? set.workspaceGuards : (roles.get(origin)?.guards ?? []);
    const misfits = checkFit(guards, set.capabilities, ['guards'], (path) => locate(originOf(path)));
    problems.push(...misfits.map((problem) => ({ ...problem, file })));
  }
  if (problems.length > 0) return { ok: false, problems };
  return {
    ok: true,
    findings: lintPolicy(set).flatMap((found) => {
      const source = sources.get(found.origin);
      return source === undefined ? [] : [placed(found, source)];
    }),
  };
}

const NOTHING: PolicySet = { revision: 0, roles: [], workspaceGuards: [], capabilities: [] };

function placed({ path, ...finding }: Finding, { file, locate, originOf }: Source): PlacedFinding {
  const at = originOf(path);
  return { ...finding, file, path: pathText(at), ...locate(at) };
}
