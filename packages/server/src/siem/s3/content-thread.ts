/** Makes the bytes of a large object in a thread of its own, so that calls go on meanwhile. */
import { parentPort, workerData } from 'node:worker_threads';
import { type ContentTask, contentOf } from './content.ts';

const task: ContentTask = workerData;
parentPort?.postMessage(await contentOf(task));
