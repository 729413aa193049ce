/** Checks policy documents without applying them. */
import {
  type Checked,
  checkFit,
  checkGuards,
  type DocumentProblem,
  type Guard,
  lintTexts,
  type PolicyDocument,
  type PolicySet,
  parsePolicyFile,
  roleFromDocument,
} from '@hivekey/policy';
import { z } from 'zod';
import { Failure } from '../errors.ts';
import { findingSchema, findingView } from '../roles/index.ts';

export const checkedSchema = z
  .object({
    object: z.literal('policy_check'),
    valid: z.literal(true),
    documents: z.array(
      z.object({
        kind: z.string(),
        name: z.string().nullable(),
        guards: z.array(z.string()).meta({ description: 'Its guards as sentences, in order.' }),
      }),
    ),
    findings: z.array(findingSchema).meta({
      description: 'Rules that are valid and do not do what they seem to, seen together with the policy in force.',
    }),
  })
  .meta({ id: 'PolicyCheck' });

/**
 * `document`: text, YAML or JSON, of one or several documents; or one that has been read. Throws
 * `document_invalid` with every problem: with line and column for a text, and against the capabilities of `set`
 * together with those of the file.
 */
export function checkDocuments(document: unknown, set: PolicySet): z.output<typeof checkedSchema> {
  const isText = typeof document === 'string';
  const parsed = parsePolicyFile(isText ? document : JSON.stringify(document));
  const problems = parsed.ok ? misfitsIn(parsed.value, set) : parsed.problems;
  const [first] = problems;
  if (parsed.ok && first === undefined)
    return {
      object: 'policy_check',
      valid: true,
      documents: parsed.value.map((each) => ({ kind: each.kind, name: nameOf(each), guards: sentencesOf(each) })),
      findings: findingsIn(isText ? document : JSON.stringify(document), set, isText),
    };
  throw new Failure(
    422,
    'document_invalid',
    `The document is not valid: ${first?.path === '' ? '' : `${first?.path}: `}${first?.message}.`,
    first?.remedy ?? 'Correct the places in problems.',
    isText ? problems : problems.map(({ line: _line, column: _column, ...problem }) => problem),
  );
}

function findingsIn(text: string, set: PolicySet, isText: boolean): z.output<typeof findingSchema>[] {
  const report = lintTexts([{ name: 'document', text }], set);
  if (!report.ok) return [];
  return report.findings.map(({ line, column, ...finding }) =>
    isText && line !== undefined && column !== undefined
      ? findingView({ ...finding, line, column })
      : findingView(finding),
  );
}

function nameOf(document: PolicyDocument): string | null {
  if (document.kind === 'Role' || document.kind === 'Freeze') return document.metadata.name;
  if (document.kind === 'Sources') return null;
  return document.kind === 'Capability' ? document.capability.name : null;
}

function misfitsIn(documents: readonly PolicyDocument[], set: PolicySet): readonly DocumentProblem[] {
  const declared = documents.flatMap((each) => (each.kind === 'Capability' ? [each.capability] : []));
  const names = new Set(declared.map(({ name }) => name));
  const capabilities = [...set.capabilities.filter(({ name }) => !names.has(name)), ...declared];
  return documents.flatMap((each) => {
    const guards = guardsOf(each);
    return guards.ok ? checkFit(guards.value, capabilities) : guards.problems;
  });
}

function sentencesOf(document: PolicyDocument): string[] {
  const guards = guardsOf(document);
  return guards.ok ? guards.value.map(({ sentence }) => sentence) : [];
}

function guardsOf(document: PolicyDocument): Checked<readonly Guard[]> {
  if (document.kind === 'Capability' || document.kind === 'Freeze' || document.kind === 'Sources')
    return { ok: true, value: [] };
  if (document.kind === 'WorkspaceGuards') return checkGuards(document.guards, 'workspace');
  const role = roleFromDocument(document, 0);
  return role.ok ? { ok: true, value: role.value.guards } : role;
}
