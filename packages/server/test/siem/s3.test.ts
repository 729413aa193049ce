/** Objects of S3 and their Parquet form: written once, named after what they hold, read back by others' readers. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Authority, newAuthority } from '../../../../test/setup/certificates.ts';
import { type Column, LOG_COLUMNS, ParquetFile } from '../../src/parquet/index.ts';
import { s3Sink } from '../../src/siem/s3/index.ts';
import { extentOf, namesOf } from '../../src/siem/s3/objects.ts';
import type { Batch, Transport } from '../../src/siem/transport.ts';
import { type ObjectStore, startObjectStore } from './receivers/s3.ts';
import { batchOf, checkpoint, entries, NEVER, outgoing, testDeps } from './receivers/stream.ts';

const KEY_REF = 'vault://s3-key';

let authority: Authority;
let store: ObjectStore;
let folder: string;
const open: Transport[] = [];

beforeAll(async () => {
  authority = await newAuthority('Acme test authority');
  store = await startObjectStore(await authority.issue('localhost'));
  folder = await mkdtemp(join(tmpdir(), 'hivekey-parquet-'));
});

afterAll(async () => {
  await Promise.all(open.map((transport) => transport.close()));
  await store?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

interface Changed {
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly secret?: string;
  readonly format?: 'native' | 'flat';
  readonly allow?: readonly string[];
}

const settingsOf = (changed: Readonly<Record<string, unknown>> = {}) => ({
  bucket: 'siem',
  region: store.region,
  endpoint: store.url,
  path_style: true,
  tls: { ca: authority.ca },
  credentials: { access_key_id: store.accessKeyId, secret_access_key_ref: KEY_REF },
  ...changed,
});

async function connect({
  settings,
  secret = store.secretAccessKey,
  format = 'native',
  allow,
}: Changed = {}): Promise<Transport> {
  const deps = testDeps({ format, secrets: { [KEY_REF]: secret }, ...(allow === undefined ? {} : { allow }) });
  // The partition of a workspace is its id: the same in every test.
  const sink = { ...deps.sink, workspaceId: WORKSPACE };
  const transport = await s3Sink.open(settingsOf(settings)).connect({ ...deps, sink });
  open.push(transport);
  return transport;
}

const WORKSPACE = testDeps().sink.workspaceId;
const PARTITION = `workspace_id=${WORKSPACE}/dt=2026-06-16/hour=13`;
const native = (first: number, last: number): Batch =>
  batchOf(entries(first, last).map((entry) => outgoing(entry, 'native', true)));

describe('an object', () => {
  it('holds a batch line by line, with a manifest that says what it holds', async () => {
    const transport = await connect({ settings: { prefix: 'a/b' } });
    const sent = batchOf([...native(1, 300).events, outgoing(checkpoint(300), 'native', true)]);
    expect(await transport.send(sent, NEVER)).toEqual({ kind: 'taken', confirmed: true, duplicates: 0 });
    const name = '0000000000000001-0000000000000300';
    const object = store.buckets.siem.get(`a/b/log/${PARTITION}/${name}.ndjson.gz`);
    const lines = gunzipSync(object?.body ?? Buffer.alloc(0)).toString();
    expect(lines).toBe(sent.events.map(({ body }) => `${body}\n`).join(''));
    const manifest = store.buckets.siem.get(`a/b/manifests/${PARTITION}/${name}.json`)?.body.toString() ?? '';
    expect(JSON.parse(manifest)).toMatchObject({
      object: `a/b/log/${PARTITION}/${name}.ndjson.gz`,
      sha256: createHash('sha256')
        .update(object?.body ?? '')
        .digest('hex'),
      ...{ entries: 300, checkpoints: 1, first_seq: 1, last_seq: 300, tree_size: 300 },
      last_hash: entries(1, 300).at(-1)?.hash,
      prev_hash: `sha256:${'0'.repeat(64)}`,
    });
  });

  it('is the same after an answer that was lost, and is stored once', async () => {
    const transport = await connect();
    store.faults.push('cut when stored');
    expect(await transport.send(native(301, 310), NEVER)).toMatchObject({
      kind: 'retry',
      code: 'receiver_unreachable',
    });
    const keys = () => [...store.buckets.siem.keys()].filter((key) => key.includes('0000000000000301-'));
    const [stored] = keys().map((key) => store.buckets.siem.get(key));
    expect(await transport.send(native(301, 310), NEVER)).toEqual({ kind: 'taken', confirmed: true, duplicates: 10 });
    expect(keys().map((key) => key.split('/')[1])).toEqual(['log', 'manifests']);
    expect(store.buckets.siem.get(keys()[0] ?? '')).toBe(stored);
  });

  it('that is there under its name and is another is left, and said', async () => {
    const transport = await connect();
    await transport.send(native(401, 402), NEVER);
    const forged = batchOf(
      entries(401, 402, { agent: 'somebody-else' }).map((entry) => outgoing(entry, 'native', true)),
    );
    expect(await transport.send(forged, NEVER)).toMatchObject({ kind: 'hold', code: 'object_differs' });
  });

  it('is locked for as long as the sink says, where the bucket can', async () => {
    const locked = { object_lock: { mode: 'COMPLIANCE', retain_days: 365 } };
    expect(await (await connect({ settings: locked })).send(native(501, 501), NEVER)).toMatchObject({ kind: 'taken' });
    const name = `hivekey/log/${PARTITION}/0000000000000501-0000000000000501.ndjson.gz`;
    expect(store.buckets.siem.get(name)?.headers).toMatchObject({
      'x-amz-object-lock-mode': 'COMPLIANCE',
      'x-amz-object-lock-retain-until-date': '2027-06-16T13:50:00Z',
    });
    const without = await connect({ settings: { ...locked, bucket: 'plain' } });
    expect(await without.send(native(501, 501), NEVER)).toMatchObject({ kind: 'hold', code: 'receiver_refuses' });
    expect(store.buckets.plain.size).toBe(0);
  });

  it('has a name that is the same for the same batch, and sorts as the log does', () => {
    const sink = { workspaceId: WORKSPACE, replay: false };
    const settings = { prefix: 'hivekey', file: 'ndjson.gz' } as const;
    const seqs = fc.tuple(fc.integer({ min: 1, max: 1e12 }), fc.integer({ min: 1, max: 1e12 }));
    const nameOf = (seq: number): string => {
      const [entry] = entries(1, 1);
      if (entry === undefined) return '';
      return namesOf(extentOf(batchOf([outgoing({ ...entry, seq }, 'native', true)])), settings, sink).object;
    };
    fc.assert(
      fc.property(seqs, ([a, b]) => {
        expect(Math.sign(nameOf(a) < nameOf(b) ? -1 : nameOf(a) > nameOf(b) ? 1 : 0)).toBe(Math.sign(a - b));
      }),
      { numRuns: 50 },
    );
    const alone = extentOf(batchOf([outgoing(checkpoint(7), 'native', true)]));
    expect(namesOf(alone, settings, { ...sink, replay: true }).object).toBe(
      `hivekey/log/workspace_id=${WORKSPACE}/dt=2026-06-16/hour=14/0000000000000007-0000000000000007.ckp_snk_test_7_7.replay.ndjson.gz`,
    );
  });
});

describe('a store', () => {
  it.each([
    [{ status: 503, code: 'SlowDown' }, 'retry', 'receiver_busy'],
    [{ status: 500, code: 'InternalError' }, 'retry', 'receiver_busy'],
    [{ status: 409, code: 'ConditionalRequestConflict' }, 'retry', 'receiver_busy'],
    ['cut', 'retry', 'receiver_unreachable'],
    [{ status: 403, code: 'AccessDenied' }, 'hold', 'credential_refused'],
    [{ status: 301, code: 'PermanentRedirect' }, 'hold', 'receiver_refuses'],
    [{ status: 501, code: 'NotImplemented' }, 'hold', 'receiver_refuses'],
  ] as const)('that answers %j: %s %s', async (fault, kind, code) => {
    const transport = await connect();
    store.faults.push(fault);
    const delivery = await transport.send(native(601, 601), NEVER);
    expect(delivery).toMatchObject({ kind, code });
    // The answers of this one hold the key.
    expect(JSON.stringify(delivery)).not.toContain(store.secretAccessKey);
    expect(store.faults).toEqual([]);
  });

  it.each([
    ['another key', { secret: 'another-secret-access-key' }, 'credential_refused'],
    ['no bucket', { settings: { bucket: 'nobody-made-this' } }, 'receiver_refuses'],
    ['another region', { settings: { region: 'us-east-1' } }, 'credential_refused'],
    ['an authority that we do not trust', { settings: { tls: {} } }, 'certificate_untrusted'],
    ['an address inside', { allow: [] }, 'address_refused'],
  ] as const)('with %s waits for a person and tells no secret', async (_what, changed, code) => {
    const delivery = await (await connect(changed)).send(native(1, 1), NEVER);
    expect(delivery).toMatchObject({ kind: 'hold', code });
    expect(JSON.stringify(delivery)).not.toMatch(/secret-access-key/);
  });

  it('gets the credentials of the machine itself only where the operator allows the bucket by name', async () => {
    const own = { credentials: null, endpoint: null, path_style: false, bucket: 'acme-log' };
    await expect(connect({ settings: own, allow: [] })).rejects.toMatchObject({ code: 'sink_credentials_missing' });
    await expect(
      connect({ settings: { ...own, path_style: true }, allow: ['acme-log.s3.eu-central-1.amazonaws.com'] }),
    ).rejects.toMatchObject({ code: 'sink_credentials_missing' });
    await connect({ settings: own, allow: ['acme-log.s3.eu-central-1.amazonaws.com'] });
    await expect(connect({ settings: { endpoint: 'http://store.acme.example' }, allow: [] })).rejects.toMatchObject({
      code: 'sink_url_invalid',
    });
  });

  it('answers at once when the sink is stopped', async () => {
    const stopping = new AbortController();
    const sending = (await connect()).send(native(701, 701), stopping.signal);
    stopping.abort();
    expect(await sending).toMatchObject({ kind: 'retry', code: 'stopped' });
  });
});

describe('Parquet', () => {
  it('takes the flat view alone', async () => {
    await expect(connect({ settings: { file: 'parquet' } })).rejects.toMatchObject({ code: 'sink_format_unfit' });
  });

  it('is read by hyparquet and by DuckDB, with the exact record and its hashes', async () => {
    const transport = await connect({ settings: { file: 'parquet' }, format: 'flat' });
    const log = entries(1001, 1500, {
      roles: ['support', 'Ä€😀'],
      latency_ms: 1.5,
      destructive: true,
      odd: { a: [1] },
    });
    const sent = batchOf([...log, checkpoint(1500)].map((item) => outgoing(item, 'flat', true)));
    expect(await transport.send(sent, NEVER)).toMatchObject({ kind: 'taken', confirmed: true });
    const key = `hivekey/log/${PARTITION.replace('hour=13', 'hour=14')}/0000000000001001-0000000000001500.parquet`;
    const body = store.buckets.siem.get(key)?.body ?? Buffer.alloc(0);
    const path = join(folder, key);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, body);

    const rows = await read(body);
    expect(rows).toHaveLength(501);
    expect(
      rows
        .slice(0, 500)
        .map(({ seq, raw, entry_hash, prev_hash, hash }) => ({ seq, raw, entry_hash, prev_hash, hash })),
    ).toEqual(
      log.map(({ seq, canonical, entryHash, prevHash, hash }) => ({
        ...{ seq: BigInt(seq), raw: canonical },
        ...{ entry_hash: entryHash, prev_hash: prevHash, hash },
      })),
    );
    // RFC 6962 leaf, as anybody with the file computes it.
    const [row] = rows;
    const leaf = createHash('sha256').update(Buffer.concat([Buffer.from([0]), Buffer.from(String(row?.raw))]));
    expect(`sha256:${leaf.digest('hex')}`).toBe(row?.entry_hash);
    expect(rows.at(-1)).toMatchObject({ kind: 'stream.checkpoint', seq: null, tree_size: 1500n });

    const duck = await (await DuckDBInstance.create(':memory:')).connect();
    const asked = await duck.runAndReadAll(
      `SELECT count(*) AS n, min(seq) AS first, count(DISTINCT event_id) AS ids, max(ts)::VARCHAR AS last,
              any_value(roles) AS roles, sum(latency_ms) AS latency, bool_and(destructive) AS destructive,
              any_value(more::JSON->>'$.odd') AS odd, count(*) FILTER (kind = 'stream.checkpoint') AS checkpoints
         FROM read_parquet('${folder}/**/*.parquet', hive_partitioning = true)
        WHERE dt = '2026-06-16' AND workspace = 'acme' AND workspace_id = '${WORKSPACE}'`,
    );
    expect(asked.getRowObjectsJson()).toEqual([
      {
        ...{ n: '501', first: '1001', ids: '501', last: '2026-06-16 14:15:00', latency: 750, destructive: true },
        ...{ roles: ['support', 'Ä€😀'], odd: '{"a":[1]}', checkpoints: '1' },
      },
    ]);
    duck.closeSync();
  });

  it('has a column for each field of the flat view, in groups, and keeps what is said of the file', async () => {
    const parts: Uint8Array[] = [];
    const written: number[] = [];
    const file = new ParquetFile({
      write: async (bytes) => {
        written.push(bytes.length);
        parts.push(bytes);
      },
      metadata: { 'hivekey-last-hash': 'sha256:00' },
    });
    for (let group = 0; group < 3; group++) await file.add([{ seq: group, nobody: 'knows this' }, {}]);
    await file.finish();
    // Each group has gone out before the next one came.
    expect(written).toHaveLength(4);
    const bytes = Buffer.concat(parts);
    const metadata = parquetMetadata(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    expect(metadata.row_groups).toHaveLength(3);
    expect(metadata.key_value_metadata).toContainEqual({ key: 'hivekey-last-hash', value: 'sha256:00' });
    const rows = await read(bytes);
    expect(rows.map(({ seq }) => seq)).toEqual([0n, null, 1n, null, 2n, null]);
    expect(Object.keys(rows[0] ?? {}).sort()).toEqual(LOG_COLUMNS.map(({ name }) => name).sort());
  });

  it('gives back every value of every type', async () => {
    const columns: readonly Column[] = (['text', 'json', 'whole', 'number', 'flag', 'time', 'texts'] as const).map(
      (type) => ({ name: type, type }),
    );
    const text = fc.string({ unit: 'grapheme', maxLength: 20 });
    const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
    const rowOf = fc.record({
      text: optional(text),
      json: optional(fc.json()),
      whole: optional(fc.maxSafeInteger()),
      number: optional(fc.double({ noNaN: true })),
      flag: optional(fc.boolean()),
      time: optional(
        fc
          .date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-12-31') })
          .map((date) => date.toISOString()),
      ),
      texts: optional(fc.array(text, { maxLength: 3 })),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(rowOf, { minLength: 1, maxLength: 20 }), async (rows) => {
        const parts: Uint8Array[] = [];
        const file = new ParquetFile({ write: (bytes) => void parts.push(bytes), columns });
        await file.add(rows);
        await file.finish();
        expect(await read(Buffer.concat(parts))).toEqual(
          rows.map((row) => ({
            text: row.text ?? null,
            json: row.json ?? null,
            whole: row.whole === undefined ? null : BigInt(row.whole),
            number: row.number ?? null,
            flag: row.flag ?? null,
            time: row.time === undefined ? null : new Date(row.time),
            texts: row.texts,
          })),
        );
      }),
      { numRuns: 40 },
    );
  });
});

async function read(bytes: Buffer): Promise<readonly Record<string, unknown>[]> {
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  if (!(file instanceof ArrayBuffer)) throw new Error('a shared buffer');
  return parquetReadObjects({ file, compressors: { GZIP: (compressed) => gunzipSync(compressed) } });
}
