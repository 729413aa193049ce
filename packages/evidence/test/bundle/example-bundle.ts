/** Makes a small bundle on disk, as the server does: two tables with headers, a log of 40 entries in two months, every signature. */
import { generateKeyPairSync, hash, type KeyObject } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { EXPORT_FILES } from '@hivekey/action-log';
import { exportOf, type Log, lineOf, ordinaryLog } from '../../../action-log/test/verify/example-log.ts';
import {
  CHAIN_INDEX_HEADER,
  chainIndexLine,
  formatFileManifest,
  formatStatement,
  MANIFEST_FILE,
  publicSigner,
  rawSignature,
  SIGNATURE_FILES,
  sshSignature,
} from '../../src/index.ts';

export const KEY = generateKeyPairSync('ed25519').privateKey;
export const OTHER_KEY = generateKeyPairSync('ed25519').privateKey;

export type Content = Map<string, Buffer>;

const SCRIPTS = ['verify.sh', 'verify.ps1', 'verify.py'];
const ENTRIES = 40;

/** `sha256` and `row_count` are what a header is read for; the rest does not matter here. */
export function headerOf(csv: Buffer, rows: number): Buffer {
  const header = {
    parameters: { sha256: 'no digest', row_count: 7 },
    query_text: 'SELECT \'"sha256":"no"\'',
    row_count: rows,
    sha256: hash('sha256', csv),
  };
  return Buffer.from(`${JSON.stringify(header, null, 2)}\n`);
}

/** The files of evidence. `first`, `last`: of the log. */
export async function content(first = 6, last = ENTRIES - 3): Promise<Content> {
  const agents = Buffer.from('agent_id,name\nagt_1,"a ""bot""\nof two lines"\nagt_2,plain\n');
  const files: Content = new Map([
    ['01_inventory/agents.csv', agents],
    ['01_inventory/agents.ipe.json', headerOf(agents, 2)],
    ['05_changes/diffs/chg_1.diff', Buffer.from('- a\n+ b\n')],
  ]);
  const log = ordinaryLog(ENTRIES);
  for (const [path, bytes] of await exportOf(log, { first, last }))
    if (path !== EXPORT_FILES.entries) files.set(`07_action-log/log/${path}`, bytes);
  const entries = log.entries.slice(first - 1, last);
  files.set('07_action-log/entries/2026-06.jsonl.gz', gzipSync(Buffer.concat(entries.slice(0, 10).map(lineOf))));
  files.set('07_action-log/entries/2026-07.jsonl.gz', gzipSync(Buffer.concat(entries.slice(10).map(lineOf))));
  files.set('07_action-log/chain_index.csv', indexOf(log, first, last));
  return files;
}

function indexOf(log: Log, first: number, last: number): Buffer {
  const rows = log.entries.slice(first - 1, last).map(({ seq, entryHash, link, previousLink, record }) =>
    chainIndexLine({
      seq,
      entryHash: entryHash.toString('hex'),
      link: link.toString('hex'),
      previousLink: previousLink.toString('hex'),
      shard: JSON.parse(record.toString()).shard,
    }),
  );
  return Buffer.from(`${CHAIN_INDEX_HEADER}\n${rows.join('')}`);
}

export function closed(files: Content, key: KeyObject = KEY): Content {
  const signer = publicSigner(key);
  const all: Content = new Map([
    ...files,
    ['README.html', Buffer.from('<!doctype html>\n')],
    ['keys/allowed_signers', Buffer.from(signer.allowedSigners)],
    ['keys/pub.pem', Buffer.from(signer.pem)],
    ['keys/FINGERPRINT.txt', Buffer.from(`${signer.fingerprint}\n`)],
    ...SCRIPTS.map((name): [string, Buffer] => [
      `verify/${name}`,
      readFileSync(new URL(`../../src/bundle/scripts/${name}`, import.meta.url)),
    ]),
  ]);
  return signed(all, key);
}

/** With manifest and signatures that fit: what whoever holds the key can always do. */
export function signed(files: Content, key: KeyObject = KEY): Content {
  const about: readonly string[] = [MANIFEST_FILE, ...Object.values(SIGNATURE_FILES)];
  const entries = [...files]
    .filter(([path]) => !about.includes(path))
    .map(([path, bytes]) => ({ path, sha256: hash('sha256', bytes) }));
  const manifest = Buffer.from(formatFileManifest(entries));
  return new Map([
    ...files,
    [MANIFEST_FILE, manifest],
    [SIGNATURE_FILES.ssh, Buffer.from(sshSignature(key, manifest))],
    [SIGNATURE_FILES.raw, rawSignature(key, manifest)],
    [
      SIGNATURE_FILES.statement,
      Buffer.from(
        formatStatement(key, manifest, {
          bundle: 'acme-agent-evidence_2026-06-16_2026-08-01_v1',
          version: 1,
          tenant: 'Acme',
          environment: 'prod',
          period_from: '2026-06-16T00:00:00.000Z',
          period_to: '2026-08-01T00:00:00.000Z',
          as_of: '2026-08-02T00:00:00.000Z',
          generated_at: '2026-08-02T00:00:00.000Z',
          generated_by: 'person:dana@acme.example',
          generator: 'HiveKey 0.1.0',
          files: entries.length,
          log_size: ENTRIES,
          log_head: null,
          log_checkpoint: null,
          previous_manifest: null,
          sample_data: false,
        }),
      ),
    ],
  ]);
}

export function writeBundle(files: Content, folder: string): void {
  for (const [path, bytes] of files) {
    const target = join(folder, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, bytes);
  }
}
