/** Sources: whose content is trusted. What is not marked is not. */
import type { Checked, JsonValue, Provenance, Sources } from '../model.ts';
import { member } from '../values/json.ts';
import { patternOf } from './names.ts';
import { type DocumentPath, listOf, objectOf, Problems, quote } from './problems.ts';
import { checkHead } from './role.ts';
import { API_VERSION, type SourcesDocument } from './types.ts';

const MAX_PATTERNS = 5_000;
const FIELDS = ['apiVersion', 'kind', 'trusted', 'untrusted', 'unmarked'];

export const NOTHING_TRUSTED: Sources = { trusted: [], untrusted: [], unmarked: 'untrusted' };

/** The document in its canonical form. */
export function checkSources(value: unknown): Checked<SourcesDocument> {
  const problems = new Problems();
  return problems.checked(readSources(value, [], problems));
}

export function readSources(value: unknown, path: DocumentPath, problems: Problems): SourcesDocument | undefined {
  const before = problems.count;
  const raw = objectOf(value, path, 'the document', FIELDS, problems);
  if (raw === undefined) return undefined;
  checkHead(raw, 'Sources', path, problems);
  const trusted = readPatterns(member(raw, 'trusted'), [...path, 'trusted'], 'trusted', problems);
  const untrusted = readPatterns(member(raw, 'untrusted'), [...path, 'untrusted'], 'untrusted', problems);
  const unmarked = readProvenance(member(raw, 'unmarked') ?? 'untrusted', [...path, 'unmarked'], problems);
  for (const each of trusted.filter((pattern) => untrusted.includes(pattern)))
    problems.add([...path, 'trusted'], 'duplicate', `${each} is marked as both`, 'Keep one of the two.');
  if (problems.count > before || unmarked === undefined) return undefined;
  return { apiVersion: API_VERSION, kind: 'Sources', trusted, untrusted, unmarked };
}

/** Sorted, each once. */
function readPatterns(value: JsonValue | undefined, path: DocumentPath, what: string, problems: Problems): string[] {
  const items = value === undefined ? [] : listOf(value, path, what, MAX_PATTERNS, problems);
  const patterns = (items ?? []).flatMap((item, i) => patternOf(item, [...path, i], problems) ?? []);
  return [...new Set(patterns)].sort();
}

function readProvenance(value: JsonValue, path: DocumentPath, problems: Problems): Provenance | undefined {
  if (value === 'trusted' || value === 'untrusted') return value;
  problems.add(path, 'bad_provenance', `${quote(value)} is no provenance`, 'Write trusted or untrusted.');
  return undefined;
}
