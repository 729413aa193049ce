/** A sweep in a thread of its own, so that calls go on meanwhile. */
import { parentPort, workerData } from 'node:worker_threads';
import { type SweepTask, sweepWorld } from './sweep-world.ts';

const task: SweepTask = workerData;
parentPort?.postMessage(sweepWorld(task));
