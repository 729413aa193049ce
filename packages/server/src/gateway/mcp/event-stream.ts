/** Writing server-sent events. */
import type { ServerResponse } from 'node:http';

/** Bytes a slow reader may leave unread before notifications to it are dropped; answers never are. */
const MAX_UNREAD_BYTES = 1024 * 1024;

const HEADERS = [
  'content-type',
  'text/event-stream',
  'cache-control',
  'no-cache, no-transform',
  'x-accel-buffering',
  'no',
];

export function startEventStream(res: ServerResponse, headers: readonly string[] = []): void {
  res.writeHead(200, [...HEADERS, ...headers]);
  res.flushHeaders();
}

/** One JSON-RPC message as an event. JSON has no raw line breaks, so it is one `data` line. */
export function eventOf(message: string): string {
  return `event: message\ndata: ${message}\n\n`;
}

export const KEEP_ALIVE_EVENT = ': keepalive\n\n';

export function canTakeMore(res: ServerResponse): boolean {
  return !res.destroyed && !res.writableEnded && res.writableLength < MAX_UNREAD_BYTES;
}
