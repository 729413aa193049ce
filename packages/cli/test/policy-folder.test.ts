/** A folder of policy files: what is read, what is refused and where, what an export writes. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { gitStateOf, withoutCredentials } from '../src/policy-code/git.ts';
import { type FileObject, KINDS, keyOf } from '../src/policy-code/kinds.ts';
import { objectsOf, readFolder } from '../src/policy-code/read-folder.ts';
import { filesOf } from '../src/policy-code/write-folder.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hivekey-policy-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function put(files: Readonly<Record<string, string>>): void {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(join(folder, dirname(file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
}

const HEAD = 'apiVersion: policy.hivekey.ai/v1\n';
const role = (name: string, more = ''): string => `${HEAD}kind: Role\nmetadata: { name: ${name} }\n${more}`;
const places = (): readonly string[] => {
  const reading = readFolder(folder);
  return reading.ok ? [] : reading.problems.map(({ file, line, column, code }) => `${file}:${line}:${column} ${code}`);
};

describe('a folder', () => {
  test('holds several documents a file, and many objects a document', () => {
    put({
      'hivekey.yaml': `${HEAD}kind: PolicyFolder\nurl: https://hivekey.acme.example\nowns: [Role, Assignments]\n`,
      'roles/all.yaml': `${role('a')}---\n${role('b')}`,
      'assignments.yaml': `${HEAD}kind: Assignments\nagents:\n  helpdesk-bot: [a, b]\n`,
      'breakers/probes.yaml': `${HEAD}kind: Breaker\nmetadata: { name: probes }\nspec: { signal: probes }\n`,
      'tests/a.yaml': 'not: a policy',
      '.github/workflow.yaml': '&anchor x',
      'README.md': '# not read',
    });
    const reading = readFolder(folder);
    if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
    expect(reading.folder.settings).toEqual({ owns: ['assignment', 'role'], url: 'https://hivekey.acme.example' });
    expect(objectsOf(reading.folder).map(keyOf)).toEqual([
      'assignment helpdesk-bot',
      'breaker probes',
      'role a',
      'role b',
    ]);
    expect(reading.folder.tests).toHaveLength(1);
  });

  test('tells every problem at once, each at its place', () => {
    put({
      'hivekey.yaml': `${HEAD}kind: PolicyFolder\nowns: [Roles]\n`,
      'a.yaml': role('a', 'scope: { allow: [Mail] }\n'),
      'b.yaml': `${role('b')}colour: red\n`,
      'c.yaml': `${HEAD}kind: Rolle\n`,
      'd.yaml': `${HEAD}kind: Breaker\nspec: {}\n`,
      'e.yaml': role('a'),
    });
    expect(places()).toEqual(
      [
        'hivekey.yaml:3:8 bad_kind',
        'a.yaml:4:18 bad_name',
        'b.yaml:4:1 unknown_field',
        'c.yaml:2:1 bad_kind',
        'd.yaml:1:1 type',
      ].sort((a, b) => (a < b ? -1 : 1)),
    );
  });

  test('has each object once', () => {
    put({ 'a.yaml': role('a'), 'b.yaml': `# other\n${role('a')}` });
    expect(places()).toEqual(['b.yaml:2:1 duplicate']);
  });

  const hostile: Readonly<Record<string, readonly [text: string, code: string]>> = {
    'a bomb of aliases': [
      `${HEAD}kind: Breaker\nmetadata: { name: x }\nspec:\n  a: &a [x, x]\n  b: &b [*a, *a]\n  c: [*b, *b]\n`,
      'anchor',
    ],
    'a repeated key': [`${HEAD}kind: Breaker\nmetadata: { name: x, name: y }\nspec: {}\n`, 'duplicate_key'],
    'a tag': [`${HEAD}kind: Breaker\nmetadata: { name: x }\nspec: { a: !!binary aGk= }\n`, 'tag'],
    'a directive': [`%YAML 1.1\n---\n${HEAD}kind: Breaker\nmetadata: { name: x }\nspec: { a: no }\n`, 'directive'],
    'a merge key': [`${HEAD}kind: Breaker\nmetadata: { name: x }\nspec: { base: &b {}, <<: *b }\n`, 'alias'],
    'a text that reads as another': [
      `${HEAD}kind: Breaker\nmetadata: { name: x }\nspec: { a: "b\u202ec" }\n`,
      'hidden_character',
    ],
    'a number that is not held': [
      `${HEAD}kind: Breaker\nmetadata: { name: x }\nspec: { a: 12345678901234567890 }\n`,
      'number',
    ],
    'a flood of levels': [
      `${HEAD}kind: Breaker\nmetadata: { name: x }\nspec: { a: ${'['.repeat(60)}${']'.repeat(60)} }\n`,
      'too_deep',
    ],
  };
  test.each(Object.entries(hostile))('refuses %s', (_, [text, code]) => {
    put({ 'x.yaml': text });
    const reading = readFolder(folder);
    expect(reading.ok ? [] : reading.problems.map((each) => each.code)).toContain(code);
  });

  test('follows no link', () => {
    put({ 'roles/a.yaml': role('a') });
    symlinkSync('/etc/hosts', join(folder, 'roles/b.yaml'));
    expect(places()).toEqual(['roles/b.yaml:undefined:undefined link']);
  });
});

describe('an export', () => {
  const text = fc
    .string({ unit: 'grapheme', maxLength: 40 })
    .filter((each) => !/(?![\t\n\r\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(each));
  const awkward = fc.constantFrom(
    'no',
    '~',
    '010',
    '1e3',
    '- a',
    '# b',
    'a: b',
    ' x ',
    'a\nb\n',
    '',
    '<<',
    '2026-01-01',
    '*',
    '&a',
    '!x',
    '%Y',
    '---',
    '...',
    '\t',
    '0x1f',
  );
  const key = fc.oneof(text, awkward).filter((each) => each !== '__proto__');
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5 },
      fc.oneof(text, awkward),
      fc.boolean(),
      fc.constant(null),
      fc.integer(),
      fc
        .double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 })
        .map((n) => Number(n.toPrecision(12)) + 0),
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(key, tie('tree'), { maxKeys: 5 }),
    ),
  }));
  const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,20}[A-Za-z0-9]$/);
  const general = KINDS.filter(({ form }) => form !== 'own' && form !== 'own_single');
  const object = fc
    .tuple(fc.constantFrom(...general), name, fc.dictionary(key, tree, { maxKeys: 6 }))
    .map(
      ([kind, called, document]) =>
        ({ type: kind.type, name: kind.form === 'spec_single' ? '*' : called, document }) as FileObject,
    );
  const roles = fc
    .tuple(
      name.filter((each) => !each.includes('  ') && each !== 'workspace'),
      fc.array(fc.constantFrom('mail.send', 'crm.read', 'crm.delete'), { maxLength: 3 }),
    )
    .map(
      ([called, allow]) =>
        ({
          type: 'role',
          name: called,
          document: {
            apiVersion: 'policy.hivekey.ai/v1',
            kind: 'Role',
            metadata: { name: called },
            scope: { allow: [...new Set(allow)].sort() },
            guards: [],
          },
        }) as FileObject,
    );
  const objects = fc.uniqueArray(fc.oneof({ weight: 4, arbitrary: object }, roles), { selector: keyOf, maxLength: 12 });

  test('is read as what it was, and written again as the same bytes', () => {
    fc.assert(
      fc.property(objects, (live) => {
        rmSync(folder, { recursive: true, force: true });
        mkdirSync(folder);
        const sorted = live.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
        const written = filesOf(sorted);
        put(Object.fromEntries(written.map(([file, content]) => [file, content ?? ''])));
        const reading = readFolder(folder);
        if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
        expect(objectsOf(reading.folder)).toEqual(sorted);
        // The order in which they come decides nothing, and what says the same already is left alone.
        expect(filesOf(sorted.toReversed().toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)))).toEqual(written);
        expect(filesOf(sorted, reading.folder, new Set())).toEqual([]);
        expect(filesOf(sorted, reading.folder, new Set(sorted.map(keyOf)))).toEqual(
          written.toSorted(([a], [b]) => (a < b ? -1 : 1)),
        );
      }),
      { numRuns: 60 },
    );
  });

  test('keeps comments of files that say the same, drops what is gone, and puts what is new beside its kind', () => {
    put({
      'roles/kept.yaml': `# why\n${role('kept')}`,
      'roles/gone.yaml': role('gone'),
      'who.yaml': `# who\n${HEAD}kind: Assignments\nagents: { a: [kept] }\n`,
    });
    const reading = readFolder(folder);
    if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
    const kept = objectsOf(reading.folder).filter(({ name: called }) => called !== 'gone');
    const added = { type: 'assignment', name: 'b', document: { roles: ['kept'] } };
    expect(filesOf([...kept, added], reading.folder, new Set(['role gone', 'assignment b']))).toEqual([
      ['roles/gone.yaml', null],
      ['who.yaml', `${HEAD}kind: Assignments\nagents:\n  a:\n    - kept\n  b:\n    - kept\n`],
    ]);
  });
});

describe('Git', () => {
  const git = (...args: readonly string[]): string =>
    execFileSync('git', ['-C', folder, '-c', 'user.name=Dana', '-c', 'user.email=dana@acme.example', ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' },
    }).trim();
  const state = async () => {
    const found = await gitStateOf(folder, ['a.yaml']);
    if (found.kind !== 'commit') throw new Error(found.reason);
    return found;
  };

  function sign(): string {
    const keys = mkdtempSync(join(tmpdir(), 'hivekey-keys-'));
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'dana', '-f', join(keys, 'key')]);
    git('config', 'gpg.format', 'ssh');
    git('config', 'user.signingkey', join(keys, 'key.pub'));
    return keys;
  }

  beforeEach(() => {
    git('init', '-q');
    put({ 'a.yaml': role('a') });
    git('add', '.');
  });

  test('an unsigned commit, its author, and its repository without credentials', async () => {
    git('remote', 'add', 'origin', 'https://dana:hunter2@git.acme.example/policy.git?token=x');
    git('commit', '-qm', 'first');
    expect(await state()).toEqual({
      kind: 'commit',
      differing: [],
      source: {
        repository: 'https://git.acme.example/policy.git',
        commit: git('rev-parse', 'HEAD'),
        author: 'Dana <dana@acme.example>',
        signature: { status: 'none', key: null },
      },
    });
  });

  test('a signature: good from somebody known, unknown from others, bad once the commit is tampered with', async () => {
    const keys = sign();
    git('commit', '-q', '-S', '-m', 'first');
    expect((await state()).source.signature.status).toBe('unknown');
    const known = join(keys, 'known');
    writeFileSync(known, `dana@acme.example ${execFileSync('cat', [join(keys, 'key.pub')], { encoding: 'utf8' })}`);
    git('config', 'gpg.ssh.allowedSignersFile', known);
    expect((await state()).source.signature).toEqual({ status: 'good', key: expect.stringMatching(/^SHA256:/) });

    const forged = git('cat-file', 'commit', 'HEAD').replace('author Dana', 'author Mallory');
    writeFileSync(join(keys, 'commit'), `${forged}\n`);
    git('reset', '-q', '--soft', git('hash-object', '-t', 'commit', '-w', join(keys, 'commit')));
    expect((await state()).source).toMatchObject({
      author: 'Mallory <dana@acme.example>',
      signature: { status: 'bad' },
    });
    rmSync(keys, { recursive: true });
  });

  test('what is not as committed, whatever the index was told', async () => {
    put({ '.gitignore': 'secret.yaml\n' });
    git('add', '.');
    git('commit', '-qm', 'first');
    put({ 'secret.yaml': role('b') });
    expect((await gitStateOf(folder, ['a.yaml', 'secret.yaml'])) satisfies object).toMatchObject({
      differing: ['secret.yaml'],
    });
    git('update-index', '--assume-unchanged', 'a.yaml');
    put({ 'a.yaml': role('c') });
    expect((await state()).differing).toEqual(['a.yaml']);
    expect(await gitStateOf(folder, [])).toMatchObject({ differing: ['a.yaml'] });
  });

  test('no commit is no source', async () => {
    expect(await gitStateOf(folder, ['a.yaml'])).toMatchObject({ kind: 'none' });
  });

  test.each([
    ['https://x:y@host/a', 'https://host/a'],
    ['ssh://git@host/a', 'ssh://host/a'],
    ['git@host:a/b.git', 'git@host:a/b.git'],
    ['user:pass@host:a/b.git', 'host:a/b.git'],
    ['/srv/policy.git', '/srv/policy.git'],
  ])('%s is named %s', (address, named) => expect(withoutCredentials(address)).toBe(named));
});
