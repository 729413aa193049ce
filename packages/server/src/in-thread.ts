/** One task in a thread of its own, so that calls go on meanwhile: it is given its data, and answers with one message. */
import { Worker } from 'node:worker_threads';
import type { Failure } from './errors.ts';

export interface ThreadLimits {
  readonly heapMb: number;
  readonly giveUpAfterMs: number;
}

/** Rejects with what `failed` makes of the words for what happened: too long, broken off, or no answer. */
export function inThread(
  script: URL,
  data: unknown,
  { heapMb, giveUpAfterMs }: ThreadLimits,
  failed: (why: string) => Failure,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(script, { workerData: data, resourceLimits: { maxOldGenerationSizeMb: heapMb } });
    const fail = (why: string): void => reject(failed(why));
    const timer = setTimeout(() => {
      fail(`took longer than ${giveUpAfterMs / 1000} s`);
      void worker.terminate();
    }, giveUpAfterMs);
    worker.once('message', resolve);
    worker.once('error', (error) => fail(`broke off: ${error.message}`));
    worker.once('exit', () => {
      clearTimeout(timer);
      fail('ended without an answer');
    });
  });
}
