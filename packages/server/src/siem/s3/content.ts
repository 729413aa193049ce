/** The bytes of an object: lines compressed with gzip, or Parquet. */

import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { parseJson } from '@hivekey/action-log';
import { ParquetFile } from '../../parquet/index.ts';
import type { S3Settings } from './index.ts';

/** A row group is what is in memory at once, and what a reader takes or leaves. */
const ROWS_IN_GROUP = 10_000;

export interface ContentTask {
  readonly lines: readonly string[];
  readonly file: S3Settings['file'];
  /** Into the footer of Parquet. */
  readonly metadata: Readonly<Record<string, string>>;
}

export interface Content {
  readonly bytes: Uint8Array;
  /** Base64, as S3 takes it. */
  readonly sha256: string;
}

export async function contentOf({ lines, file, metadata }: ContentTask): Promise<Content> {
  const bytes = file === 'parquet' ? await parquet(lines, metadata) : gzipSync(`${lines.join('\n')}\n`);
  return { bytes, sha256: createHash('sha256').update(bytes).digest('base64') };
}

async function parquet(lines: readonly string[], metadata: Readonly<Record<string, string>>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  const file = new ParquetFile({
    write: (bytes) => {
      parts.push(bytes);
    },
    metadata,
  });
  for (let start = 0; start < lines.length; start += ROWS_IN_GROUP)
    await file.add(lines.slice(start, start + ROWS_IN_GROUP).map(rowOf));
  await file.finish();
  return Buffer.concat(parts);
}

function rowOf(line: string): Readonly<Record<string, unknown>> {
  const row: unknown = parseJson(line);
  return typeof row === 'object' && row !== null ? { ...row } : {};
}
