/** Where the bytes of an object are made: here, or where it would hold up calls, in a thread. */
import { Worker } from 'node:worker_threads';
import { type Content, type ContentTask, contentOf } from './content.ts';

/** Some milliseconds of work, as long as a thread takes to start. */
const FEW_LINES = 200;
const MAX_HEAP_MB = 1_024;

/** Rejects where the thread breaks off. */
export function makeContent(task: ContentTask): Promise<Content> {
  return task.lines.length <= FEW_LINES ? contentOf(task) : inThread(task);
}

function inThread(task: ContentTask): Promise<Content> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./content-thread.ts', import.meta.url), {
      workerData: task,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the thread ended without an answer')));
  });
}
