/** The receiver's words, so far as they may be shown: its answers can repeat what it was sent. */
import type { Secret } from '../../secret.ts';
import { Scrubber, SHORTEST_SECRET } from '../../upstreams/index.ts';

const LONGEST = 200;

/** One line without any form of the secrets; empty where a secret is too short to be told from other text. */
export function quoted(text: unknown, secrets: readonly Secret[]): string {
  if (typeof text !== 'string') return '';
  const values = secrets.map((secret) => secret.reveal());
  if (values.some(({ length }) => length < SHORTEST_SECRET)) return '';
  const clean = new Scrubber(...values)
    .text(text)
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .trim();
  return clean.length > LONGEST ? `${clean.slice(0, LONGEST)}…` : clean;
}

/** The object that the text is in JSON; undefined for anything else. */
export function jsonObject(text: Buffer | string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text.toString());
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
