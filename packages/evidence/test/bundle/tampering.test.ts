/** Every kind of tampering, by name: what the scripts say with the tools that are there, and what the command says. */
import { execFile, execFileSync } from 'node:child_process';
import { type Dirent, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BundleSource, publicSigner, timestampRequest, verifyBundle } from '../../src/index.ts';
import { makeAuthority } from './authority.ts';
import { type Content, closed, content, headerOf, KEY, OTHER_KEY, signed, writeBundle } from './example-bundle.ts';

const FINGERPRINT = publicSigner(KEY).fingerprint;
/** All that verify.sh says it needs. */
const TOOLS = 'sh sha256sum ssh-keygen openssl cat comm cut mktemp rm sort tail tr wc'.split(' ');
const INDEX = '07_action-log/chain_index.csv';

let base: string;
let tools: string;
let made = 0;
let original: Content;

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'hivekey-bundle-'));
  tools = linked('tools', TOOLS);
  original = closed(await content());
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** A folder with these programs and no other. */
function linked(name: string, programs: readonly string[]): string {
  const folder = join(base, name);
  mkdirSync(folder);
  for (const program of programs) {
    const found = (process.env.PATH ?? '').split(delimiter).map((place) => join(place, program));
    const target = found.find((path) => exists(path));
    if (target === undefined) throw new Error(`${program} is not on this machine`);
    symlinkSync(target, join(folder, program));
  }
  return folder;
}

function exists(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch {
    return false;
  }
}

interface Said {
  readonly status: number;
  readonly codes: readonly string[];
  readonly output: string;
}

function run(program: string, parts: readonly string[], path: string): Promise<Said> {
  return new Promise((resolve) => {
    execFile(program, [...parts], { env: { PATH: path } }, (error, stdout, stderr) => {
      const codes = [...stdout.matchAll(/^DEFECT {2}(\w+)/gm)].map(([, code = '']) => code);
      resolve({ status: error === null ? 0 : Number(error.code), codes: [...new Set(codes)], output: stdout + stderr });
    });
  });
}

const shell = (folder: string, fingerprint?: string, path = tools): Promise<Said> =>
  run('/bin/sh', [join(folder, 'verify/verify.sh'), ...(fingerprint === undefined ? [] : [fingerprint])], path);

const python = (folder: string, fingerprint?: string, path = process.env.PATH ?? ''): Promise<Said> =>
  run(PYTHON, ['-B', join(folder, 'verify/verify.py'), ...(fingerprint === undefined ? [] : [fingerprint])], path);

/** The program itself: what stands in the path may be a script that needs others. */
const PYTHON = execFileSync('python3', ['-c', 'import sys; print(sys.executable)']).toString().trim();

async function command(folder: string, fingerprint?: string): Promise<Said> {
  const { isVerified, defects } = await verifyBundle(folderSource(folder), fingerprint);
  const codes = [...new Set(defects.map(({ code }) => code))];
  return { status: isVerified ? 0 : 1, codes, output: JSON.stringify(defects) };
}

function folderSource(folder: string): BundleSource {
  return {
    list: async function* () {
      for (const each of await readdir(folder, { recursive: true, withFileTypes: true })) {
        if (each.isDirectory()) continue;
        const path = join(each.parentPath, each.name);
        yield {
          path: path.slice(folder.length + 1),
          isPlain: isPlain(each),
          bytes: isPlain(each) ? (await stat(path)).size : 0,
        };
      }
    },
    read: async function* (path) {
      yield readFileSync(join(folder, path));
    },
  };
}

function isPlain(entry: Dirent): boolean {
  return entry.isFile();
}

function folderOf(files: Content): string {
  made += 1;
  const folder = join(base, `bundle-${made}`);
  writeBundle(files, folder);
  return folder;
}

const text = (files: Content, path: string): string => String(files.get(path));
const without = (files: Content, ...paths: string[]): Content =>
  new Map([...files].filter(([path]) => !paths.includes(path)));
const changed = (files: Content, path: string, by: (was: string) => string): Content =>
  new Map([...files, [path, Buffer.from(by(text(files, path)))]]);
/** A file of another bundle in its place. */
const taken = (files: Content, other: Content, path: string): Content =>
  new Map([...files, [path, other.get(path) ?? Buffer.alloc(0)]]);
/** One bit of one byte. */
const flipped = (files: Content, path: string, at: number): Content => {
  const bytes = Buffer.from(files.get(path) ?? '');
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  return new Map([...files, [path, bytes]]);
};
const entriesChanged = (files: Content, by: (lines: string[]) => string[]): Content => {
  const path = '07_action-log/entries/2026-06.jsonl.gz';
  const lines = gunzipSync(files.get(path) ?? '')
    .toString()
    .split(/(?<=\n)/);
  return new Map([...files, [path, gzipSync(by(lines).join(''))]]);
};

interface Case {
  readonly what: string;
  readonly files: (files: Content) => Content;
  /** Among the codes that are said; where the verifiers do not say the same, what each says. */
  readonly code: string | { readonly shell?: string; readonly python: string; readonly command: string };
}

/** Whoever does not hold the key. */
const OUTSIDERS: readonly Case[] = [
  { what: 'a file is changed', files: (of) => flipped(of, '01_inventory/agents.csv', 20), code: 'file_changed' },
  { what: 'a file is emptied', files: (of) => changed(of, 'README.html', () => ''), code: 'file_changed' },
  { what: 'a file is missing', files: (of) => without(of, '05_changes/diffs/chg_1.diff'), code: 'file_missing' },
  {
    what: 'a file is added',
    files: (of) => new Map([...of, ['01_inventory/more.csv', Buffer.from('x\n')]]),
    code: 'file_extra',
  },
  {
    what: 'a hidden file is added in a folder of its own',
    files: (of) => new Map([...of, ['.more/.hidden', Buffer.from('x\n')]]),
    code: 'file_extra',
  },
  {
    what: 'the manifest is changed to fit a changed file',
    files: (of) => {
      const other = signed(
        changed(of, '05_changes/diffs/chg_1.diff', () => '- a\n+ c\n'),
        OTHER_KEY,
      );
      return taken(taken(of, other, '05_changes/diffs/chg_1.diff'), other, 'MANIFEST.sha256');
    },
    code: 'signature_invalid',
  },
  {
    what: 'a line of the manifest is missing',
    files: (of) => changed(of, 'MANIFEST.sha256', (was) => was.slice(was.indexOf('\n') + 1)),
    code: 'signature_invalid',
  },
  { what: 'the manifest is missing', files: (of) => without(of, 'MANIFEST.sha256'), code: 'manifest_missing' },
  {
    what: 'the manifest is cut',
    files: (of) => changed(of, 'MANIFEST.sha256', (was) => was.slice(0, -20)),
    code: 'manifest_malformed',
  },
  {
    what: 'the signature is changed',
    files: (of) => changed(of, 'MANIFEST.sha256.sshsig', flipBase64),
    code: 'signature_invalid',
  },
  { what: 'the signature is missing', files: (of) => without(of, 'MANIFEST.sha256.sshsig'), code: 'signature_missing' },
  {
    what: 'the raw signature is changed',
    files: (of) => flipped(of, 'MANIFEST.sha256.sig', 40),
    code: 'signature_invalid',
  },
  {
    what: 'the raw signature is missing',
    files: (of) => without(of, 'MANIFEST.sha256.sig'),
    code: 'signature_missing',
  },
  { what: 'the statement is missing', files: (of) => without(of, 'bundle.dsse.json'), code: 'statement_missing' },
  {
    what: 'the statement is of another manifest',
    files: (of) => taken(of, signed(without(of, 'README.html')), 'bundle.dsse.json'),
    code: 'statement_invalid',
  },
  {
    what: 'the statement is by another key',
    files: (of) => taken(of, signed(of, OTHER_KEY), 'bundle.dsse.json'),
    code: 'statement_invalid',
  },
  { what: 'all of it is made again with another key', files: (of) => closed(of, OTHER_KEY), code: 'key_differs' },
  { what: 'the key is missing', files: (of) => without(of, 'keys/allowed_signers'), code: 'key_missing' },
  {
    what: 'the keys are two',
    files: (of) => signed(changed(of, 'keys/pub.pem', () => publicSigner(OTHER_KEY).pem)),
    code: 'keys_disagree',
  },
  {
    what: 'a second signer is allowed',
    files: (of) => signed(changed(of, 'keys/allowed_signers', (was) => was + publicSigner(OTHER_KEY).allowedSigners)),
    code: 'key_malformed',
  },
];

/** Whoever holds the key, and signs what does not hold together. */
const INSIDERS: readonly Case[] = [
  {
    what: 'a header is of another file',
    files: (of) => changed(of, '01_inventory/agents.ipe.json', () => String(headerOf(Buffer.from('other'), 2))),
    code: 'ipe_digest',
  },
  {
    what: 'a header says other rows',
    files: (of) =>
      changed(of, '01_inventory/agents.ipe.json', (was) => was.replace(/"row_count": 2/, '"row_count": 3')),
    code: 'ipe_rows',
  },
  {
    what: 'a header says nothing',
    files: (of) => changed(of, '01_inventory/agents.ipe.json', () => '{}\n'),
    code: 'ipe_malformed',
  },
  { what: 'a table is left out', files: (of) => without(of, '01_inventory/agents.csv'), code: 'file_missing' },
  { what: 'headers are left out', files: (of) => without(of, '01_inventory/agents.ipe.json'), code: 'ipe_missing' },
  { what: 'the index of the log is left out', files: (of) => without(of, INDEX), code: 'index_missing' },
  {
    what: 'the index of the log is cut',
    files: (of) => changed(of, INDEX, (was) => was.split('\n').slice(0, -3).join('\n').concat('\n')),
    code: 'index_cut',
  },
  {
    what: 'the index of the log has a gap',
    files: (of) => changed(of, INDEX, (was) => was.split('\n').toSpliced(9, 1).join('\n')),
    code: 'index_gap',
  },
  {
    what: 'a link of the index is another',
    files: (of) =>
      changed(of, INDEX, (was) =>
        was.replace(/^(9,[0-9a-f]{64},)(.)/m, (_, before, digit) => before + (digit === '0' ? '1' : '0')),
      ),
    code: 'index_broken',
  },
  {
    what: 'the index is cut, and the export with it',
    files: (of) => {
      const cut = changed(of, INDEX, (was) => was.split('\n').slice(0, -3).join('\n').concat('\n'));
      return changed(cut, '07_action-log/log/manifest.json', (was) =>
        was.replace('"last":37', '"last":35').replace('"count":32', '"count":30'),
      );
    },
    code: { python: 'entry_unknown', command: 'index_root' },
  },
  {
    what: 'an entry is left out',
    files: (of) => entriesChanged(of, (lines) => lines.toSpliced(4, 1)),
    code: { python: 'entry_missing', command: 'entry_missing' },
  },
  {
    what: 'an entry is edited',
    files: (of) =>
      entriesChanged(of, (lines) => lines.with(4, (lines[4] ?? '').replace('"env":"prod"', '"env":"test"'))),
    code: { python: 'entry_changed', command: 'log_unverified' },
  },
  {
    what: 'a time-stamp is announced, and there is none',
    files: (of) => new Map([...of, ['keys/tsa-ca.pem', Buffer.from('x')]]),
    code: 'timestamp_missing',
  },
];

function flipBase64(was: string): string {
  const at = was.indexOf('\n') + 100;
  return was.slice(0, at) + (was[at] === 'A' ? 'B' : 'A') + was.slice(at + 1);
}

test('A bundle as it was made is verified, with the fingerprint that was told by another road', async () => {
  const folder = folderOf(original);
  for (const said of await Promise.all([
    shell(folder, FINGERPRINT),
    python(folder, FINGERPRINT),
    command(folder, FINGERPRINT),
  ]))
    expect(said, said.output).toMatchObject({ status: 0, codes: [] });
  // Without it, a key that came along is all there is.
  for (const said of await Promise.all([shell(folder), python(folder), command(folder)]))
    expect(said, said.output).toMatchObject({ status: 1, codes: ['fingerprint_missing'] });
});

describe.each([
  ['by somebody else', OUTSIDERS, (of: Content) => of],
  ['by whoever holds the key', INSIDERS, (of: Content) => signed(of)],
] as const)('Tampering %s', (_who, cases, sign) => {
  test.each(cases)('is named: $what', async ({ files, code }) => {
    const folder = folderOf(sign(files(original)));
    const wanted = typeof code === 'string' ? { shell: code, python: code, command: code } : code;
    const [byShell, byPython, byCommand] = await Promise.all([
      shell(folder, FINGERPRINT),
      python(folder, FINGERPRINT),
      command(folder, FINGERPRINT),
    ]);
    expect(byPython.codes, byPython.output).toContain(wanted.python);
    expect(byPython.status).toBe(1);
    expect(byCommand.codes, byCommand.output).toContain(wanted.command);
    // What only reading every entry shows, the shell says that it leaves to the others.
    if (wanted.shell === undefined) return;
    expect(byShell.codes, byShell.output).toContain(wanted.shell);
    expect(byShell.status).toBe(1);
  });
});

test('A link in place of a file is named, and so is a path that leads out of the folder', async () => {
  const folder = folderOf(original);
  rmSync(join(folder, 'README.html'));
  symlinkSync('/etc/hostname', join(folder, 'README.html'));
  for (const said of await Promise.all([
    shell(folder, FINGERPRINT),
    python(folder, FINGERPRINT),
    command(folder, FINGERPRINT),
  ]))
    expect(said.codes, said.output).toContain('file_irregular');

  const leading = folderOf(original);
  writeFileSync(join(leading, 'MANIFEST.sha256'), `${'0'.repeat(64)}  ../outside\n`);
  for (const said of await Promise.all([
    shell(leading, FINGERPRINT),
    python(leading, FINGERPRINT),
    command(leading, FINGERPRINT),
  ]))
    expect(said.codes, said.output).toContain('manifest_malformed');
});

test('A tool that is missing is never taken for success', async () => {
  const folder = folderOf(original);
  for (const missing of ['openssl', 'ssh-keygen', 'sha256sum']) {
    const rest = linked(
      `without-${missing}`,
      TOOLS.filter((tool) => tool !== missing),
    );
    expect(await shell(folder, FINGERPRINT, rest)).toMatchObject({ status: 1, codes: ['tool_missing'] });
  }
  const stamped = folderOf(signed(new Map([...original, ['keys/tsa-ca.pem', Buffer.from('x')]])));
  writeFileSync(join(stamped, 'MANIFEST.tsr'), 'x');
  expect((await python(stamped, FINGERPRINT, join(base, 'without-openssl'))).codes).toEqual(['tool_missing']);
});

test('A time-stamp counts where it is of this manifest, by the authority that is named', async () => {
  const [one, other] = [join(base, 'one'), join(base, 'other')];
  mkdirSync(one);
  mkdirSync(other);
  const authority = makeAuthority(one);
  const files = signed(new Map([...original, ['keys/tsa-ca.pem', Buffer.from(authority.certificate)]]));
  const answer = authority.answer(timestampRequest(files.get('MANIFEST.sha256') ?? Buffer.alloc(0), 7n));
  const stamped = folderOf(new Map([...files, ['MANIFEST.tsr', answer]]));
  const ofOther = folderOf(
    new Map([...files, ['MANIFEST.tsr', authority.answer(timestampRequest(Buffer.from('x'), 7n))]]),
  );
  const byOther = folderOf(
    new Map([
      ...files,
      [
        'MANIFEST.tsr',
        makeAuthority(other).answer(timestampRequest(files.get('MANIFEST.sha256') ?? Buffer.alloc(0), 7n)),
      ],
    ]),
  );
  const verifiers = [shell, python, command];
  for (const said of await Promise.all(verifiers.map((verify) => verify(stamped, FINGERPRINT))))
    expect(said, said.output).toMatchObject({ status: 0, codes: [] });
  for (const folder of [ofOther, byOther])
    for (const said of await Promise.all(verifiers.map((verify) => verify(folder, FINGERPRINT))))
      expect(said, said.output).toMatchObject({ status: 1, codes: ['timestamp_invalid'] });
});
