/** Standard Webhooks signatures (standardwebhooks.com, specification 1.0): HMAC-SHA-256 over id, timestamp and body. */
import { createHmac, randomBytes } from 'node:crypto';
import { Secret } from '../secret.ts';

const PREFIX = 'whsec_';
/** The specification asks for 24 to 64 bytes. */
const SECRET_BYTES = 32;

export function newSigningSecret(): Secret {
  return new Secret(PREFIX + randomBytes(SECRET_BYTES).toString('base64'));
}

/** Value of `webhook-signature`. `timestamp`: epoch seconds of this attempt. */
export function signatureOf(secret: Secret, id: string, timestamp: number, body: string): string {
  const key = Buffer.from(secret.reveal().slice(PREFIX.length), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}
