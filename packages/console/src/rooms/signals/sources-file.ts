/** The document of the sources: its text, and marks in it. Pure. */
import { parse, stringify } from 'yaml';
import { isRecord } from '../../api/problem.ts';
import type { Sources } from '../../api/types.ts';

export type Mark = 'trusted' | 'untrusted' | 'unmarked';

export interface SourcesDocument {
  readonly apiVersion: string;
  readonly kind: string;
  readonly trusted: readonly string[];
  readonly untrusted: readonly string[];
  readonly unmarked: 'trusted' | 'untrusted';
}

export function documentOf({ trusted, untrusted, unmarked }: Sources): SourcesDocument {
  return { apiVersion: 'policy.hivekey.ai/v1', kind: 'Sources', trusted, untrusted, unmarked };
}

export function writeSources(document: SourcesDocument): string {
  return stringify(document);
}

/** Undefined for what is not such a document; the server says what is wrong with it. */
export function readSources(text: string): SourcesDocument | undefined {
  let value: unknown;
  try {
    value = parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(value)) return undefined;
  const { apiVersion, kind, trusted = [], untrusted = [], unmarked = 'untrusted' } = value;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string' || !isNames(trusted) || !isNames(untrusted))
    return undefined;
  return unmarked === 'trusted' || unmarked === 'untrusted'
    ? { apiVersion, kind, trusted, untrusted, unmarked }
    : undefined;
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

/** Of all that a server gives: `crm.*`. */
export function patternOf(namespace: string): string {
  return `${namespace}.*`;
}

export function markOf({ trusted, untrusted }: SourcesDocument, pattern: string): Mark {
  return trusted.includes(pattern) ? 'trusted' : untrusted.includes(pattern) ? 'untrusted' : 'unmarked';
}

export function withMark(document: SourcesDocument, pattern: string, mark: Mark): SourcesDocument {
  const other = (patterns: readonly string[]) => patterns.filter((each) => each !== pattern);
  const [trusted, untrusted] = [other(document.trusted), other(document.untrusted)];
  return {
    ...document,
    trusted: mark === 'trusted' ? [...trusted, pattern].toSorted() : trusted,
    untrusted: mark === 'untrusted' ? [...untrusted, pattern].toSorted() : untrusted,
  };
}

/** Marks of single capabilities of the server, which are more precise than the one of all of it. */
export function exceptionsOf({ trusted, untrusted }: SourcesDocument, namespace: string): readonly string[] {
  const isOwn = (each: string) => each.startsWith(`${namespace}.`) && each !== patternOf(namespace);
  return [
    ...trusted.filter(isOwn).map((each) => `${each} trusted`),
    ...untrusted.filter(isOwn).map((each) => `${each} untrusted`),
  ];
}
