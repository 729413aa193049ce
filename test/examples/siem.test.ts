/** The examples of sinks are what the API takes, and each credential in them is a reference. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { newSettings, newSinkSchema } from '../../packages/server/src/siem/input.ts';

const FOLDER = fileURLToPath(new URL('../../examples/siem/', import.meta.url));
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));

it.each(FILES)('%s', (name) => {
  const { open, sink } = newSettings(newSinkSchema.parse(JSON.parse(readFileSync(FOLDER + name, 'utf8'))));
  expect(open.destination).toMatch(/^https:\/\//);
  expect(open.credentials.every((ref) => ref.startsWith('vault://'))).toBe(true);
  expect(open.credentials.length + Number(name === 'opensearch-aws.json')).toBeGreaterThan(0);
  expect(sink.required).toBe(true);
});

it('the README names each of them, and no other', () => {
  const readme = readFileSync(`${FOLDER}README.md`, 'utf8');
  const named = [...readme.matchAll(/^\| \[([\w.-]+)\]/gm)].map(([, name]) => name);
  expect(named.sort()).toEqual([...FILES].sort());
});
