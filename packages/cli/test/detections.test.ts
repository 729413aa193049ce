/** detections test, lint and export: as a person runs them, without a server. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkNote, signingKey } from '@hivekey/action-log';
import { reportNote } from '@hivekey/detections';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli } from './run-cli.ts';

const SHIPPED = fileURLToPath(new URL('../../detections/rules/', import.meta.url));
const RULE = 'D01-denied-burst';
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hivekey-detections-'));
  cpSync(join(SHIPPED, RULE), join(folder, 'rules', RULE), { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('test writes a report that the key has signed, and fails when a rule does', async () => {
  const seed = Buffer.alloc(32, 7);
  const key = signingKey('soc.acme.example', seed);
  const signer = join(folder, 'signer.key');
  writeFileSync(
    signer,
    `PRIVATE+KEY+soc.acme.example+${key.verifier.id}+${Buffer.concat([Buffer.from([1]), seed]).toString('base64')}\n`,
  );
  const file = join(folder, 'report.json');
  const args = ['detections', 'test', join(folder, 'rules'), '--operator', 'dana@acme.example', '--report', file];
  const passed = await runCli([...args, '--key', signer]);
  expect(passed).toMatchObject({ code: 0, err: '' });
  expect(passed.out).toContain('1 passed, 0 failed');
  const { report, note } = JSON.parse(readFileSync(file, 'utf8'));
  expect(report).toMatchObject({
    v: 1,
    operator: 'dana@acme.example',
    passed: 1,
    failed: 0,
    rules: [{ ref: 'D01', version: 1, result: 'passed' }],
  });
  expect(note.startsWith(reportNote(report))).toBe(true);
  expect(checkNote(note, [key.verifier])).toMatchObject({ kind: 'verified' });

  const path = join(folder, 'rules', RULE, 'rule.yaml');
  writeFileSync(path, readFileSync(path, 'utf8').replace('gte: 10 }', 'gte: 11 }'));
  const failed = await runCli(args);
  expect(failed.code).toBe(3);
  expect(failed.out).toContain('not found: high of "agt_7Q2xWd"');
});

test('lint names the place of a field that no record has', async () => {
  const file = join(folder, 'bad.yaml');
  writeFileSync(file, 'title: t\nlogsource: { product: hivekey }\ndetection:\n  s: { toool: x }\n  condition: s\n');
  const { code, out } = await runCli(['detections', 'lint', file]);
  expect(code).toBe(3);
  expect(out).toContain(`${file}:3:1 no record has the field "toool"`);
});

test('export writes queries and Sigma with the names of the SIEM', async () => {
  const into = join(folder, 'elastic');
  const { code } = await runCli(['detections', 'export', '--to', 'elastic', '--out', into]);
  expect(code).toBe(0);
  expect(readdirSync(into)).toContain(`${RULE}.elastic.esql`);
  expect(readFileSync(join(into, `${RULE}.yml`), 'utf8')).toContain('event.code: tool.call');
});
