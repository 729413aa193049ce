/** Entries as one Parquet file with a column for each field, for DuckDB and its like. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { LogEvent } from '../log/index.ts';

const MAX_HEAP_MB = 512;

/** Bytes as they are ready, a row group in memory at a time. Rejects where the thread breaks off. */
export async function* parquetOf(
  batches: AsyncIterable<readonly LogEvent[]>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const worker = new Worker(new URL('./parquet-thread.ts', import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
  });
  async function ask(message: string): Promise<readonly Uint8Array[]> {
    // Also rejects with what the thread threw.
    const answer = once(worker, 'message');
    worker.postMessage(message);
    const [ready] = await answer;
    return ready;
  }
  try {
    for await (const batch of batches) if (batch.length > 0) yield* await ask(JSON.stringify(batch));
    yield* await ask('');
  } finally {
    await worker.terminate();
  }
}
