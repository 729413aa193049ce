/** Slack's request signatures, version v0 (docs.slack.dev, "Verifying requests from Slack"). Pure. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../../secret.ts';

/** Either way. */
const TOLERANCE_SECONDS = 300;

export interface Signed {
  /** Bytes as they came. */
  readonly body: Buffer;
  /** `X-Slack-Request-Timestamp`: epoch seconds. */
  readonly timestamp: number;
  /** HMAC-SHA-256 of `X-Slack-Signature`. */
  readonly signature: Buffer;
}

/** Undefined unless both headers are as Slack writes them. */
export function readSigned(body: Buffer, timestamp: unknown, signature: unknown): Signed | undefined {
  if (typeof timestamp !== 'string' || !/^[1-9]\d{0,11}$/.test(timestamp)) return undefined;
  const [, hex] = typeof signature === 'string' ? (/^v0=([0-9a-f]{64})$/.exec(signature) ?? []) : [];
  return hex === undefined ? undefined : { body, timestamp: Number(timestamp), signature: Buffer.from(hex, 'hex') };
}

export function isFresh({ timestamp }: Signed, nowMs: number): boolean {
  return Math.abs(nowMs / 1000 - timestamp) <= TOLERANCE_SECONDS;
}

export function isSignedWith({ body, timestamp, signature }: Signed, secret: Secret): boolean {
  const expected = createHmac('sha256', secret.reveal()).update(`v0:${timestamp}:`).update(body).digest();
  return timingSafeEqual(expected, signature);
}
