/** What a difference says, as data: cases are documents, sentences and the way they go. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type PolicySet, policyDiff, readPolicyTexts } from '../../src/index.ts';

interface Case {
  readonly name: string;
  readonly before: readonly object[];
  readonly after: readonly object[];
  readonly direction: string;
  readonly says: readonly string[];
}

const folder = join(import.meta.dirname, 'cases');

function setOf(documents: readonly object[]): PolicySet {
  const texts = documents.map((each, i) => ({
    name: String(i),
    text: JSON.stringify({ apiVersion: 'policy.hivekey.ai/v1', ...each }),
  }));
  const read = readPolicyTexts(texts);
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  return read.set;
}

describe.each(readdirSync(folder))('%s', (file) => {
  const { grants, cases }: { grants?: readonly string[]; cases: readonly Case[] } = parse(
    readFileSync(join(folder, file), 'utf8'),
  );
  const documents = (part: readonly object[]) =>
    grants === undefined
      ? part
      : [{ kind: 'Role', metadata: { name: 'billing' }, scope: { allow: grants }, guards: part }];

  it.each(cases.map((each) => [each.name, each] as const))('%s', (_, { before, after, direction, says }) => {
    const [old, now] = [setOf(documents(before)), setOf(documents(after))];
    const difference = policyDiff(old, now);
    expect(difference.items.map(({ sentence }) => sentence)).toEqual(says);
    expect(difference.direction).toBe(direction);
    expect(difference.before === difference.after).toBe(direction === 'neutral');
  });
});
