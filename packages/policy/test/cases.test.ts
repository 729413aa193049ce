/** Our own behaviour cases, by the runner that `hivekey policy test` uses. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runPolicyTests } from '../src/index.ts';

const folders = [
  join(import.meta.dirname, 'cases'),
  join(import.meta.dirname, '../../../examples/policy-as-code/tests'),
];
const files = folders.flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => join(folder, name)),
);

describe.each(files)('%s', (path) => {
  const report = runPolicyTests([{ path, text: readFileSync(path, 'utf8') }], (reference, from) =>
    readFileSync(join(dirname(from), reference), 'utf8'),
  );
  const [file] = report.files;

  it('can be read', () => {
    expect(file?.problems).toEqual([]);
  });

  it.each((file?.cases ?? []).map((each) => [each.name, each] as const))('%s', (_, { differences }) => {
    expect(differences).toEqual([]);
  });
});
