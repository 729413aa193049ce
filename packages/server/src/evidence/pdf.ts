/** A document as PDF, without holding up anything else. */
import { Worker } from 'node:worker_threads';
import type { EvidenceDocument } from '@hivekey/evidence';
import { Failure } from '../errors.ts';

const MAX_HEAP_MB = 1_024;
const GIVE_UP_AFTER_MS = 60_000;

/** Throws `document_failed`. */
export function pdfOf(document: EvidenceDocument): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./pdf-thread.ts', import.meta.url), {
      workerData: document,
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
      fail('ended without a document');
    });
  });
}

function failed(why: string): Failure {
  return new Failure(
    500,
    'document_failed',
    `Laying out the PDF ${why}.`,
    'Take the CSV, which has everything; the log of the server says more.',
  );
}
