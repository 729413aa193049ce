import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ReadableStream } from 'node:stream/web';
import { type Pack, pack } from 'tar-stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { unpack } from '../src/archive.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hivekey-archive-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function bytesOf(archive: Pack): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of archive) if (chunk instanceof Uint8Array) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function archiveOf(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const archive = pack();
  for (const [name, content] of Object.entries(files)) archive.entry({ name }, content);
  archive.finalize();
  return bytesOf(archive);
}

const streamOf = (bytes: Buffer): ReadableStream => ReadableStream.from([bytes.subarray(0, 700), bytes.subarray(700)]);

test('files arrive whole', async () => {
  const files = { 'manifest.json': '{}', 'entries.jsonl': 'x'.repeat(100_000), 'tile/0/000': 'y' };
  expect(await unpack(streamOf(await archiveOf(files)), folder)).toBe(3);
  expect(readFileSync(join(folder, 'entries.jsonl'), 'utf8')).toBe(files['entries.jsonl']);
  expect(readFileSync(join(folder, 'tile/0/000'), 'utf8')).toBe('y');
});

test.each(['../outside', '/etc/outside', 'a/../../outside', '.hidden', 'a//b', 'a b'])(
  'the name %s is refused and nothing is written outside',
  async (name) => {
    const inner = join(folder, 'inner');
    const bytes = await archiveOf({ [name]: 'x' });
    await expect(unpack(streamOf(bytes), inner)).rejects.toMatchObject({ code: 'archive_broken' });
    expect(readdirSync(folder)).toEqual([]);
  },
);

test('an archive that is cut off, or empty, is refused', async () => {
  const bytes = await archiveOf({ 'entries.jsonl': 'x'.repeat(100_000) });
  await expect(unpack(streamOf(bytes.subarray(0, 50_000)), folder)).rejects.toMatchObject({ code: 'archive_broken' });
  await expect(unpack(streamOf(await archiveOf({})), join(folder, 'b'))).rejects.toMatchObject({
    code: 'archive_broken',
  });
  await expect(unpack(null, folder)).rejects.toMatchObject({ code: 'archive_broken' });
});

test('a file twice in an archive is refused', async () => {
  const archive = pack();
  archive.entry({ name: 'manifest.json' }, 'a');
  archive.entry({ name: 'manifest.json' }, 'b');
  archive.finalize();
  await expect(unpack(streamOf(await bytesOf(archive)), folder)).rejects.toMatchObject({ code: 'archive_broken' });
});
