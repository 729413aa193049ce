/** An exported archive in memory, as the verifier reads it. */
import { Readable } from 'node:stream';
import { type ExportSource, parseVerifierKey, type VerifyReport, verifyExport } from '@hivekey/action-log';
import { extract } from 'tar-stream';

export type Files = ReadonlyMap<string, Buffer>;

/** GET /v1/audit/export, unpacked. */
export async function download(url: string, adminKey: string, query = ''): Promise<Files> {
  const response = await fetch(`${url}/v1/audit/export${query}`, { headers: { authorization: `Bearer ${adminKey}` } });
  if (response.status !== 200 || response.body === null) throw new Error(`${response.status} ${await response.text()}`);
  return unpack(Buffer.from(await response.arrayBuffer()));
}

async function unpack(archive: Buffer): Promise<Files> {
  const files = new Map<string, Buffer>();
  for await (const entry of Readable.from([archive]).pipe(extract())) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
    files.set(entry.header.name, Buffer.concat(chunks));
  }
  return files;
}

function sourceOf(files: Files): ExportSource {
  return {
    size: async (path) => files.get(path)?.length,
    read: async function* (path, start, end) {
      const file = files.get(path);
      if (file !== undefined) yield file.subarray(start, end);
    },
  };
}

/** Checked against the key as the server gave it by another call. */
export async function verify(files: Files, key: string): Promise<VerifyReport> {
  return verifyExport(sourceOf(files), { trustedKey: parseVerifierKey(key) });
}

export interface ExportedEntry {
  readonly seq: number;
  readonly record: { readonly kind: string; readonly event_id: string; readonly [field: string]: unknown };
}

export function entriesOf(files: Files): readonly ExportedEntry[] {
  const text = files.get('entries.jsonl')?.toString() ?? '';
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}
