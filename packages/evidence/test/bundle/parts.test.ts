/** The parts of a bundle that are read again: manifest, signatures, statement, and what differs between two versions. */
import { createPublicKey } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isSshSigned, readAllowedSigners } from '../../src/bundle/signing.ts';
import {
  absentParts,
  bundleChanges,
  formatFileManifest,
  isBundlePath,
  parseFileManifest,
  publicSigner,
  readStatement,
} from '../../src/index.ts';
import { KEY, OTHER_KEY, signed } from './example-bundle.ts';

const name = fc.stringMatching(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,12}$/);
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const digest = fc.stringMatching(/^[0-9a-f]{64}$/);
const entries = fc.uniqueArray(fc.record({ path, sha256: digest }), {
  selector: (entry) => entry.path,
  minLength: 1,
  maxLength: 20,
});

test('A manifest is read as it was written, sorted, and nothing else is read as one', () => {
  fc.assert(
    fc.property(entries, fc.nat(), fc.string({ minLength: 1, maxLength: 3 }), (listed, at, inserted) => {
      const text = formatFileManifest(listed);
      expect(parseFileManifest(text)).toEqual(listed.toSorted((a, b) => (a.path < b.path ? -1 : 1)));
      const place = at % text.length;
      const edited = text.slice(0, place) + inserted + text.slice(place);
      const read = parseFileManifest(edited);
      // Whatever is read is written again as it was read.
      if (read !== undefined) expect(formatFileManifest(read)).toBe(edited);
      expect(parseFileManifest(text.slice(0, -1))).toBeUndefined();
    }),
  );
});

test('A path in a bundle stays in it', () => {
  for (const bad of ['', '/a', '../a', 'a/../b', 'a//b', '.a', 'a/.b', 'a b', 'a\\b', 'a\nb', 'C:a', 'ä', 'a/'])
    expect(isBundlePath(bad), bad).toBe(false);
  expect(() => formatFileManifest([{ path: '../a', sha256: '0'.repeat(64) }])).toThrow(RangeError);
  expect(() => formatFileManifest([{ path: 'MANIFEST.tsr', sha256: '0'.repeat(64) }])).toThrow(RangeError);
});

test('Signatures are deterministic, and of one key, one message and one purpose', () => {
  const files = new Map([['a', Buffer.from('a')]]);
  const [one, again, other] = [signed(files), signed(files), signed(files, OTHER_KEY)];
  const [manifest, armour] = [one.get('MANIFEST.sha256') ?? Buffer.alloc(0), String(one.get('MANIFEST.sha256.sshsig'))];
  expect(Object.fromEntries(again)).toEqual(Object.fromEntries(one));
  const publicKey = createPublicKey(KEY);
  expect(isSshSigned(publicKey, manifest, armour)).toBe(true);
  expect(isSshSigned(publicKey, Buffer.concat([manifest, manifest]), armour)).toBe(false);
  expect(isSshSigned(publicKey, manifest, String(other.get('MANIFEST.sha256.sshsig')))).toBe(false);
  const statement = String(one.get('bundle.dsse.json'));
  expect(readStatement(statement, publicKey, manifest)).toMatchObject({ tenant: 'Acme', version: 1 });
  expect(readStatement(statement, createPublicKey(OTHER_KEY), manifest)).toBeUndefined();
  expect(readStatement(statement, publicKey, Buffer.from('x'))).toBeUndefined();
  expect(readStatement('{}', publicKey, manifest)).toBeUndefined();
  const { allowedSigners } = publicSigner(KEY);
  expect(readAllowedSigners(allowedSigners)?.equals(publicKey)).toBe(true);
  expect(readAllowedSigners(allowedSigners.replace('agent-evidence@hivekey', '*'))).toBeUndefined();
});

test('Versions differ in evidence, not in when they were made', () => {
  const listed = (files: Record<string, string>) =>
    Object.entries(files).map(([each, character]) => ({ path: each, sha256: character.repeat(64) }));
  const before = listed({
    'a/x': '0',
    '01_a/a.csv': '1',
    '01_a/a.ipe.json': '2',
    '02_b/b.csv': '3',
    '05_c/c.diff': '4',
  });
  const after = listed({
    'a/x': '9',
    '01_a/a.csv': '1',
    '01_a/a.ipe.json': '9',
    '02_b/b.csv': '9',
    '05_c/d.diff': '4',
  });
  expect(bundleChanges(before, after)).toEqual({
    added: ['05_c/d.diff'],
    removed: ['05_c/c.diff'],
    changed: ['02_b/b.csv'],
    same: 1,
  });
});

test('What is not in a bundle is said, with why', () => {
  const said = absentParts(['01_inventory/agents.csv'], (folder) => folder === '05_changes');
  const why = (part: string) => said.find((each) => each.part.startsWith(part))?.why;
  expect(why('01_inventory/agents.csv')).toBeUndefined();
  expect(why('01_inventory/idp-reconciliation.csv')).toContain('nothing of it');
  expect(why('05_changes/diffs/')).toContain('left out');
  expect(why('12_incidents/')).toContain('no report');
});
