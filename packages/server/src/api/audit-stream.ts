/** The log as server-sent events: as they are sealed, gapless from where the reader left off. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { LogEvent } from '../log/index.ts';
import { eventView } from './audit-events.ts';

const HEARTBEAT_MS = 15_000;
/** The credential is looked at again this often. */
const RECHECK_MS = 2_000;
/** A reader that takes nothing for this long is not there any more. */
const STALLED_MS = 60_000;
/** Browsers wait this long before they come back. */
const RETRY_MS = 2_000;

export interface EventStreamOptions {
  readonly response: ServerResponse;
  /** Name and value; what holds for every answer of the API. */
  readonly headers: Readonly<Record<string, string>>;
  /** Every event to send, until the signal. */
  events(signal: AbortSignal): AsyncIterable<LogEvent>;
  /** Rejects when the reader may not read any more, or that cannot be told. */
  recheck(): Promise<void>;
  /** The server is closing. */
  readonly closing: AbortSignal;
}

/** Resolves when the stream has ended: the reader left, lost its credential, stalled, or the server closes. Never rejects. Returns how many events were sent. */
export async function streamEvents({
  response,
  headers,
  events,
  recheck,
  closing,
}: EventStreamOptions): Promise<number> {
  let sent = 0;
  const over = new AbortController();
  const end = (): void => over.abort();
  response.on('close', end);
  response.on('error', end);
  closing.addEventListener('abort', end);
  if (closing.aborted || response.destroyed) end();

  response.writeHead(200, {
    ...headers,
    'content-type': 'text/event-stream; charset=utf-8',
    'x-accel-buffering': 'no',
  });
  response.write(`retry: ${RETRY_MS}\n\n`);
  // A heartbeat behind a full buffer would only make it fuller.
  const heartbeat = setInterval(() => {
    if (!response.writableNeedDrain) response.write(':\n\n');
  }, HEARTBEAT_MS);
  let rechecking = false;
  const guard = setInterval(() => {
    if (rechecking) return;
    rechecking = true;
    recheck()
      .catch(end)
      .finally(() => {
        rechecking = false;
      });
  }, RECHECK_MS);
  try {
    for await (const event of events(over.signal)) {
      if (over.signal.aborted) break;
      const text = `id: ${event.seq}\ndata: ${JSON.stringify(eventView(event))}\n\n`;
      sent += 1;
      if (!response.write(text)) await drained(response, over.signal);
    }
  } catch {
    // The database is away, or the reader stalled: the reader comes back with the last id it got.
  } finally {
    clearInterval(heartbeat);
    clearInterval(guard);
    closing.removeEventListener('abort', end);
    if (over.signal.aborted && !closing.aborted) response.destroy();
    else response.end();
  }
  return sent;
}

async function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  await once(response, 'drain', { signal: AbortSignal.any([signal, AbortSignal.timeout(STALLED_MS)]) });
}
