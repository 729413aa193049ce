/** Files of roles, workspace guards, capabilities and freezes: YAML or JSON text, one or several documents. */
import type { Capability, Checked, DocumentProblem, JsonValue } from '../model.ts';
import { isObject, member } from '../values/json.ts';
import { readCapabilityDocument } from './capability.ts';
import { readFreeze } from './freeze.ts';
import { readGuards } from './guards.ts';
import { type DocumentPath, objectOf, Problems, quote } from './problems.ts';
import { checkHead, readRole } from './role.ts';
import { isRoleGuide } from './role-guide.ts';
import { readSources } from './sources.ts';
import { type ReadDocument, readDocuments } from './text.ts';
import {
  API_VERSION,
  type FreezeDocument,
  type PolicyDocument,
  type RoleDocument,
  type SourcesDocument,
  type WorkspaceGuardsDocument,
} from './types.ts';

/** The roles of a file. Any other kind of document in it is a problem. */
export function parseRoleFile(text: string): Checked<RoleDocument[]> {
  return parseAll(text, (document, problems) => readRole(document.value, [], problems)?.document);
}

/** The capabilities of a file. */
export function parseCapabilityFile(text: string): Checked<Capability[]> {
  return parseAll(text, (document, problems) => readCapabilityDocument(document.value, [], problems));
}

/** The change freezes of a file. */
export function parseFreezeFile(text: string): Checked<FreezeDocument[]> {
  return parseAll(text, ({ value }, problems) => readFreeze(value, [], problems));
}

/** The guards of a workspace: exactly one document. */
export function parseWorkspaceGuardsFile(text: string): Checked<WorkspaceGuardsDocument> {
  return only(parseAll(text, ({ value }, problems) => readWorkspaceGuards(value, [], problems)));
}

function only<T>(parsed: Checked<T[]>): Checked<T> {
  if (!parsed.ok) return parsed;
  const [first, second] = parsed.value;
  if (first !== undefined && second === undefined) return { ok: true, value: first };
  const several = { code: 'several', message: 'the file holds more than one document', remedy: 'Keep one.', path: '' };
  return { ok: false, problems: [several] };
}

/** The sources of a workspace: exactly one document. */
export function parseSourcesFile(text: string): Checked<SourcesDocument> {
  return only(parseAll(text, ({ value }, problems) => readSources(value, [], problems)));
}

/** A file that may hold documents of every kind. */
export function parsePolicyFile(text: string): Checked<PolicyDocument[]> {
  return parseAll(text, ({ value }, problems) => readPolicyDocument(value, [], problems));
}

function parseAll<T>(text: string, read: (document: ReadDocument, problems: Problems) => T | undefined): Checked<T[]> {
  const { documents, problems } = readDocuments(text);
  const found: DocumentProblem[] = [...problems];
  const values: T[] = [];
  for (const document of documents) {
    const reported = new Problems(document.locate);
    const value = read(document, reported);
    found.push(...reported.list);
    if (value !== undefined) values.push(value);
  }
  if (found.length > 0) return { ok: false, problems: found };
  return values.length === 0 ? { ok: false, problems: [NO_DOCUMENT] } : { ok: true, value: values };
}

const NO_DOCUMENT: DocumentProblem = {
  code: 'empty',
  message: 'the file holds no document',
  remedy: 'Write at least one document.',
  path: '',
  line: 1,
  column: 1,
};

/** A document of any kind that makes up a policy. */
export function readPolicyDocument(
  value: JsonValue,
  path: DocumentPath,
  problems: Problems,
): PolicyDocument | undefined {
  if (isRoleGuide(value)) return readRole(value, path, problems)?.document;
  const kind = isObject(value) ? member(value, 'kind') : undefined;
  if (kind === 'Role') return readRole(value, path, problems)?.document;
  if (kind === 'Freeze') return readFreeze(value, path, problems);
  if (kind === 'Sources') return readSources(value, path, problems);
  if (kind === 'WorkspaceGuards') return readWorkspaceGuards(value, path, problems);
  if (kind === 'Capability') {
    const capability = readCapabilityDocument(value, path, problems);
    return capability === undefined ? undefined : { kind, capability };
  }
  const remedy = 'Write kind: Role, Capability, WorkspaceGuards, Freeze or Sources.';
  problems.add([...path, 'kind'], 'bad_kind', `${quote(kind)} is not a kind known here`, remedy);
  return undefined;
}

function readWorkspaceGuards(
  value: JsonValue,
  path: DocumentPath,
  problems: Problems,
): WorkspaceGuardsDocument | undefined {
  const raw = objectOf(value, path, 'the document', ['apiVersion', 'kind', 'guards'], problems);
  if (raw === undefined) return undefined;
  checkHead(raw, 'WorkspaceGuards', path, problems);
  const guards = readGuards(member(raw, 'guards') ?? [], [...path, 'guards'], 'workspace', problems);
  if (guards === undefined) return undefined;
  return { apiVersion: API_VERSION, kind: 'WorkspaceGuards', guards: guards.map(({ document }) => document) };
}
