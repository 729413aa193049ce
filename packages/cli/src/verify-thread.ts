/** One part of entries.jsonl, checked in a thread of its own. */
import { parentPort, workerData } from 'node:worker_threads';
import { checkEntries } from '@hivekey/action-log';
import { type PartTask, readRange } from './export-folder.ts';

const { path, part }: PartTask = workerData;
parentPort?.postMessage(await checkEntries(readRange(path, part.start, part.end), part));
