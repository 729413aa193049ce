/** Reads a request body up to a limit, holding no more of it in memory than the limit. */
import type { IncomingMessage } from 'node:http';

const EMPTY = Buffer.alloc(0);

/** Resolves with the bytes, `too_large` as soon as that is known, or `gone` when the client went away. */
export function readBody(req: IncomingMessage, maxBytes: number): Promise<Buffer | 'too_large' | 'gone'> {
  if (Number(req.headers['content-length']) > maxBytes) return Promise.resolve('too_large');
  return new Promise((resolve) => {
    let first: Buffer | undefined;
    let more: Buffer[] | undefined;
    let size = 0;
    req.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) {
        req.removeAllListeners('data');
        req.pause();
        resolve('too_large');
      } else if (first === undefined) {
        first = chunk;
      } else {
        more ??= [first];
        more.push(chunk);
      }
    });
    req.on('end', () => resolve(more === undefined ? (first ?? EMPTY) : Buffer.concat(more, size)));
    req.on('error', () => resolve('gone'));
    req.on('close', () => resolve('gone'));
  });
}

/** `application/json`, in UTF-8 where a charset is named. */
export function isJsonContentType(value: string | undefined): boolean {
  if (value === 'application/json') return true;
  if (value === undefined) return false;
  const [type, ...parameters] = value.split(';').map((part) => part.trim().toLowerCase());
  if (type !== 'application/json') return false;
  return parameters.every((parameter) => !parameter.startsWith('charset=') || /^charset="?utf-8"?$/.test(parameter));
}

export interface Accepted {
  readonly json: boolean;
  readonly eventStream: boolean;
  /** The client names event streams first. */
  readonly streamFirst: boolean;
}

const ANYTHING: Accepted = { json: true, eventStream: true, streamFirst: false };

/** What an Accept header allows; absent means anything. */
export function acceptedTypes(header: string | undefined): Accepted {
  if (header === undefined || header === 'application/json, text/event-stream') return ANYTHING;
  const lower = header.toLowerCase();
  const any = lower.includes('*/*');
  const json = lower.indexOf('application/json');
  const stream = lower.indexOf('text/event-stream');
  return {
    json: any || json !== -1 || lower.includes('application/*'),
    eventStream: any || stream !== -1 || lower.includes('text/*'),
    streamFirst: stream !== -1 && stream < json,
  };
}
