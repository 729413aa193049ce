/** Asks a time-stamp authority over HTTP (RFC 3161 section 3.4). */
import { randomBytes } from 'node:crypto';
import { checkTimestamp, timestampRequest } from '@hivekey/evidence';
import { request } from 'undici';
import { Failure } from '../errors.ts';
import type { Authority } from './task.ts';

const TIMEOUT_MS = 15_000;
/** A token with a chain of certificates has a few thousand bytes. */
const MAX_ANSWER_BYTES = 256 * 1024;

export interface Timestamp {
  /** As it came. */
  readonly answer: Buffer;
  /** ISO 8601. */
  readonly at: string;
}

/** A time-stamp that holds. Throws `timestamp_failed`: a bundle that should have one is not made without. */
export async function askTimestamp({ url, certificates }: Authority, message: Uint8Array): Promise<Timestamp> {
  const nonce = BigInt(`0x${randomBytes(8).toString('hex')}`);
  const answer = await send(url, timestampRequest(message, nonce));
  const checked = await checkTimestamp(answer, message, nonce, certificates);
  if (typeof checked === 'string') throw failed(`Its answer is no time-stamp of the manifest: ${checked}.`);
  return { answer, at: checked.at };
}

async function send(url: string, query: Uint8Array): Promise<Buffer> {
  try {
    const { statusCode, headers, body } = await request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/timestamp-query', accept: 'application/timestamp-reply' },
      body: query,
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
    });
    const answer = await bounded(body);
    const type = String(headers['content-type']).split(';')[0];
    if (statusCode === 200 && type === 'application/timestamp-reply') return answer;
    throw failed(`It answered ${statusCode} with ${type}.`);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw failed(`It cannot be reached (${error instanceof Error ? error.message : 'no reason'}).`);
  }
}

async function bounded(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of body) {
    length += part.length;
    if (length > MAX_ANSWER_BYTES) throw failed('Its answer is too long.');
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function failed(cause: string): Failure {
  return new Failure(
    502,
    'timestamp_failed',
    `The time-stamp authority gave no time-stamp. ${cause}`,
    'Check HIVEKEY_TIMESTAMP_URL and HIVEKEY_TIMESTAMP_CA and ask for the bundle again; without them, bundles have no time-stamp.',
  );
}
