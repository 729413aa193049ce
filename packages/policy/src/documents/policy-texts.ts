/** Files that make up a policy, or a part of one: read together, each thing with the place it was written at. */
import type { Capability, DocumentProblem, Freeze, Guard, PolicySet, Role } from '../model.ts';
import { readPolicyDocument } from './files.ts';
import { checkFit } from './fit.ts';
import { freezeFromDocument } from './freeze.ts';
import { checkGuards } from './guards.ts';
import { type DocumentPath, type Locate, Problems } from './problems.ts';
import { roleFromDocument } from './role.ts';
import { fromRoleGuide, isRoleGuide } from './role-guide.ts';
import { readDocuments } from './text.ts';

export interface PolicyText {
  /** File name, or whatever names the text in the answer. */
  readonly name: string;
  readonly text: string;
}

/** Where a role, or the guards of the workspace, were written. */
export interface Source {
  readonly file: string;
  readonly locate: Locate;
  /** From the published shape to the notation that was used. */
  readonly originOf: (path: DocumentPath) => DocumentPath;
}

export type PolicyReading =
  | { readonly ok: true; readonly set: PolicySet; readonly sources: ReadonlyMap<string, Source> }
  | { readonly ok: false; readonly problems: readonly (DocumentProblem & { readonly file: string })[] };

const NOTHING: PolicySet = { revision: 0, roles: [], workspaceGuards: [], capabilities: [] };

/**
 * A policy made of `beside` and the texts: a document takes the place of what has its name. Without `beside` the
 * texts are all there is. Guards are held against the capabilities, too.
 */
export function readPolicyTexts(texts: readonly PolicyText[], beside: PolicySet = NOTHING): PolicyReading {
  const problems: (DocumentProblem & { file: string })[] = [];
  const sources = new Map<string, Source>();
  const roles = new Map<string, Role>();
  const capabilities = new Map<string, Capability>();
  const freezes = new Map<string, Freeze>();
  let workspaceGuards: readonly Guard[] | undefined;
  let trust = beside.sources;
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
      if (document.kind === 'Freeze') {
        const freeze = freezeFromDocument(document, []);
        if (freeze.ok) freezes.set(freeze.value.name, freeze.value);
      }
      if (document.kind === 'Sources') {
        const { trusted, untrusted, unmarked } = document;
        trust = { trusted, untrusted, unmarked };
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
    freezes: [...(beside.freezes ?? []).filter(({ name }) => !freezes.has(name)), ...freezes.values()],
    ...(trust === undefined ? {} : { sources: trust }),
  };
  for (const [origin, { file, locate, originOf }] of sources) {
    const guards = origin === 'workspace' ? set.workspaceGuards : (roles.get(origin)?.guards ?? []);
    const misfits = checkFit(guards, set.capabilities, ['guards'], (path) => locate(originOf(path)));
    problems.push(...misfits.map((problem) => ({ ...problem, file })));
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, set, sources };
}
