/** Lays out one document as PDF in a thread of its own: two thousand rows take most of a second, and calls go on meanwhile. */
import { parentPort, workerData } from 'node:worker_threads';
import { type EvidenceDocument, renderPdf } from '@hivekey/evidence';

const document: EvidenceDocument = workerData;
parentPort?.postMessage(await renderPdf(document));
