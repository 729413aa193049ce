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
