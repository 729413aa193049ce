/** Standard Webhooks signatures (standardwebhooks.com, specification 1.0), one for each secret while one is rotated out. */
import { createHmac } from 'node:crypto';
import type { Secret } from '../../secret.ts';

const PREFIX = 'whsec_';

/** Value of `webhook-signature`. `timestamp`: epoch seconds of this attempt. */
export function signaturesOf(secrets: readonly Secret[], id: string, timestamp: number, body: string): string {
  return secrets
    .map((secret) => {
      const key = Buffer.from(secret.reveal().slice(PREFIX.length), 'base64');
      return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
    })
    .join(' ');
}
