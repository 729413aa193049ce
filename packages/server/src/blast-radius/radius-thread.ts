/** Numbers and sweeps of many agents, in a thread of its own, so that calls go on meanwhile. */
import { parentPort, workerData } from 'node:worker_threads';
import { perform, type RadiusTask } from './tasks.ts';

const task: RadiusTask = workerData;
parentPort?.postMessage(perform(task));
