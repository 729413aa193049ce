/** A document as PDF, without holding up anything else. */
import type { EvidenceDocument } from '@hivekey/evidence';
import { Failure } from '../errors.ts';
import { inThread } from '../in-thread.ts';

const LIMITS = { heapMb: 1_024, giveUpAfterMs: 60_000 };

/** Throws `document_failed`. */
export function pdfOf(document: EvidenceDocument): Promise<Uint8Array> {
  // What the thread gives is what `renderPdf` gives.
  return inThread(new URL('./pdf-thread.ts', import.meta.url), document, LIMITS, failed) as Promise<Uint8Array>;
}

function failed(why: string): Failure {
  return new Failure(
    500,
    'document_failed',
    `Laying out the PDF ${why}.`,
    'Take the CSV, which has everything; the log of the server says more.',
  );
}
