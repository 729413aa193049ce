/** The command on files as a receiver exports them, with and without an export of the log. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { formatHash } from '@hivekey/action-log';
import { mapItem, parseRecord, type StreamItem } from '@hivekey/siem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../../test/setup/server.ts';
import { exportOf, KEY, type Log, makeLog, ordinaryLog } from '../../action-log/test/verify/example-log.ts';
import { runCli } from './run-cli.ts';

const SETTINGS = { raw: true, compact: false, replayed: false, omit: [] };
const log = ordinaryLog(30);
let folder = '';

function itemsOf({ entries, checkpoint }: Log): StreamItem[] {
  const items = entries.map(({ seq, record, entryHash, previousLink, link }): StreamItem => {
    const canonical = record.toString();
    const parsed = parseRecord(canonical);
    if (parsed === undefined) throw new Error('no record');
    return {
      type: 'entry',
      seq,
      entryHash: formatHash(entryHash),
      prevHash: formatHash(previousLink),
      hash: formatHash(link),
      canonical,
      record: parsed,
    };
  });
  const note = checkpoint(entries.length);
  const root = formatHash(Buffer.from(note.split('\n')[2] ?? '', 'base64'));
  return [
    ...items,
    {
      type: 'checkpoint',
      id: 'ckp_snk_1_1',
      ts: '2026-06-16T15:00:00.000Z',
      workspace: 'acme',
      env: 'prod',
      sink: 'snk_1',
      treeSize: entries.length,
      rootHash: root,
      note,
      cursorSeq: entries.length,
      counts: {},
      filter: null,
    },
  ];
}

async function writeExport(name: string, of: Log): Promise<string> {
  const path = join(folder, name);
  mkdirSync(path);
  for (const [file, bytes] of await exportOf(of)) writeFileSync(join(path, file), bytes);
  return path;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hivekey-against-'));
  mkdirSync(join(folder, 'copy', 'day=1'), { recursive: true });
  const lines = itemsOf(log).map((item) => mapItem('ocsf-1.8.0', item, SETTINGS));
  const splunk = lines.slice(20).map((line) => ({ preview: false, result: { _raw: line } }));
  // Two parts that overlap, in the wrong order, one compressed, and one document over many lines.
  writeFileSync(join(folder, 'copy', 'b.json'), JSON.stringify(splunk, null, 2));
  writeFileSync(join(folder, 'copy', 'day=1', 'a.ndjson.gz'), gzipSync(`${lines.slice(0, 22).join('\n')}\n`));
  await writeExport('audit', log);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('compares a copy with an export, and believes it alone with the key', async () => {
  const copy = join(folder, 'copy');
  const both = await runCli(['verify', join(folder, 'audit'), '--against', copy, '--key', KEY.verifier.text, '--json']);
  expect(both.err).toBe('');
  expect(JSON.parse(both.out)).toMatchObject({
    isVerified: true,
    copy: { entries: 30, duplicates: 2, provenTo: 30, log: { first: 1, last: 30 }, findings: [] },
    log: { isVerified: true, checkpoints: { outside: 1, outsideCompared: 1 } },
  });
  expect(both.code).toBe(0);
  const alone = await runCli(['verify', '--against', copy, '--key', KEY.verifier.text]);
  expect(alone.out).toContain('the entries up to 30 are those of the signed log');
  expect(alone.out).toContain('VERIFIED');
  expect(alone.code).toBe(0);
});

it('names what differs, with its place, and ends with 3', async () => {
  const other = makeLog(log.entries.map((_, i) => ({ agent: i % 3, fields: i === 4 ? { reason: 'rewritten' } : {} })));
  const audit = await writeExport('rewritten', other);
  const ran = await runCli(['verify', audit, '--against', join(folder, 'copy'), '--json']);
  const { isVerified, copy, log: report } = JSON.parse(ran.out);
  expect(ran.code).toBe(3);
  expect(isVerified).toBe(false);
  expect(copy.findings).toContainEqual(expect.objectContaining({ code: 'fork', place: 'b.json' }));
  expect(copy.findings).toContainEqual(
    expect.objectContaining({ code: 'entry_differs', place: join('day=1', 'a.ndjson.gz:5') }),
  );
  expect(report.findings).toContainEqual(expect.objectContaining({ code: 'fork' }));
});

it('says what cannot be read', async () => {
  const ran = await runCli(['verify', '--against', join(folder, 'nothing'), '--key', KEY.verifier.text]);
  expect(ran).toMatchObject({ code: 2, err: expect.stringContaining('does not exist') });
  const proof = await runCli(['verify', join(folder, 'audit', 'proof.json'), '--against', join(folder, 'copy')]);
  expect(proof).toMatchObject({ code: 2, err: expect.stringContaining('is not the folder of an export') });
});

describe('the live log', () => {
  let server: TestServer;
  let sinkFolder = '';
  beforeAll(async () => {
    sinkFolder = join(folder, 'sinks');
    mkdirSync(sinkFolder);
    server = await startTestServer({ sink_files: sinkFolder });
  });
  afterAll(() => server.close());

  it('is what a file sink has, until somebody touches the file', async () => {
    const headers = { authorization: `Bearer ${server.adminKey}`, 'content-type': 'application/json' };
    const call = async (method: string, path: string, body?: object) => {
      const answer = await fetch(server.url + path, {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return answer.json();
    };
    for (const name of ['Reader', 'Writer'])
      await call('PUT', `/v1/roles/${name}`, { scope: { allow: ['crm.lookup'] }, guards: [] });
    const made = await call('POST', '/v1/siem/sinks', {
      name: 'copy',
      kind: 'file',
      format: 'ocsf-1.9.0',
      settings: { path: 'copy.ndjson' },
      start: { seq: 1 },
    });
    expect(made).toMatchObject({ kind: 'file', format: 'ocsf-1.9.0' });
    const cursor = async () => Object(await call('GET', '/v1/siem/sinks/copy')).cursor_seq;
    await expect.poll(cursor).toBeGreaterThanOrEqual(4);
    const env = { HIVEKEY_URL: server.url, HIVEKEY_KEY: server.adminKey };
    const file = join(sinkFolder, 'copy.ndjson');
    const ran = await runCli(['verify', '--live', '--against', file, '--json'], { env });
    expect(ran.err).toBe('');
    expect(JSON.parse(ran.out).copy.findings).toEqual([]);
    expect(JSON.parse(ran.out)).toMatchObject({ isVerified: true, copy: { first: 1, log: { first: 1 } } });
    expect(ran.code).toBe(0);
    const lines = readFileSync(file, 'utf8').split('\n');
    writeFileSync(
      file,
      lines.map((line, i) => (i === 1 ? line.replace('"status_id":1', '"status_id":2') : line)).join('\n'),
    );
    const after = await runCli(['verify', '--live', '--against', file], { env });
    expect(after.out).toContain('copy.ndjson:2');
    expect(after.code).toBe(3);
  });
});
