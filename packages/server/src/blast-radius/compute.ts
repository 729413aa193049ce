/** Computes where it holds nobody up: of few agents here, of many in a thread. */
import { Worker } from 'node:worker_threads';
import { Failure } from '../errors.ts';
import { perform, type RadiusTask, type ResultOf } from './tasks.ts';

/** So many are done in a few tens of milliseconds, which is what a thread takes to begin. */
const FEW_AGENTS = 50;
const GIVE_UP_AFTER_MS = 300_000;
const MAX_HEAP_MB = 1_024;

/** Throws `blast_radius_failed` where it takes too long or too much memory. */
export function compute<Task extends RadiusTask>(task: Task): Promise<ResultOf<Task>> {
  const isSmall = task.kind !== 'sweep' && task.world.agents.length <= FEW_AGENTS;
  // What a task of a kind gives is of that kind.
  return (isSmall ? Promise.resolve(perform(task)) : inThread(task)) as Promise<ResultOf<Task>>;
}

function inThread(task: RadiusTask): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./radius-thread.ts', import.meta.url), {
      workerData: task,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    });
    const fail = (why: string): void => reject(failed(why));
    const timer = setTimeout(() => {
      fail(`took longer than ${GIVE_UP_AFTER_MS / 1000} s`);
      void worker.terminate();
    }, GIVE_UP_AFTER_MS);
    worker.once('message', resolve);
    worker.once('error', (error) => fail(`broke off: ${error.message}`));
    worker.once('exit', () => {
      clearTimeout(timer);
      fail('ended without an answer');
    });
  });
}

function failed(why: string): Failure {
  return new Failure(
    500,
    'blast_radius_failed',
    `Computing blast radii ${why}.`,
    'Ask for fewer agents at once; the log of the server says more.',
  );
}
