/** Makes a Parquet file of entries in a thread of its own, so that calls go on meanwhile. Each message is answered by what is ready. */

import { parentPort } from 'node:worker_threads';
import { parseJson } from '@hivekey/action-log';
import { flatRecord } from '@hivekey/siem';
import type { LogEvent } from '../log/index.ts';
import { ParquetFile } from '../parquet/index.ts';

/** A row group is what is in memory at once, and what a reader takes or leaves. */
const ROWS_IN_GROUP = 10_000;

let ready: Uint8Array[] = [];
let rows: Readonly<Record<string, unknown>>[] = [];
const file = new ParquetFile({
  write: (bytes) => {
    ready.push(bytes);
  },
});

/** `message`: events as JSON text; empty: there are no more. */
parentPort?.on('message', async (message: string) => {
  if (message !== '') {
    const events: LogEvent[] = parseJson(message);
    rows.push(
      ...events.map(({ seq, entry_hash, prev_hash, hash, record }) => ({
        ...flatRecord(record),
        seq,
        entry_hash,
        prev_hash,
        hash,
      })),
    );
  }
  if (rows.length >= ROWS_IN_GROUP || message === '') {
    await file.add(rows);
    rows = [];
  }
  if (message === '') await file.finish();
  parentPort?.postMessage(ready);
  ready = [];
});
