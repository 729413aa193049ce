/** What the status of an answer means for a batch, where a receiver says nothing else. */
import type { Delivery } from '../transport.ts';
import type { Answer } from './receiver.ts';

/** Longer is not believed. */
const LONGEST_WAIT_MS = 3_600_000;

export type Meaning = 'busy' | 'broken' | 'event' | 'large' | 'credential' | 'settings' | 'redirected';

const BY_STATUS: Readonly<Record<number, Meaning>> = {
  400: 'event',
  401: 'credential',
  403: 'credential',
  407: 'credential',
  408: 'busy',
  413: 'large',
  422: 'event',
  425: 'busy',
  429: 'busy',
};

/** Nothing of the batch is known to be taken. */
export type Untaken = Extract<Delivery, { readonly kind: 'retry' | 'split' | 'hold' }>;

/** `exceptions`: what the receiver says otherwise. */
export function meaningOf(status: number, exceptions: Readonly<Record<number, Meaning>> = {}): Meaning {
  const known = exceptions[status] ?? BY_STATUS[status];
  if (known !== undefined) return known;
  if (status >= 500) return 'busy';
  if (status >= 400) return 'settings';
  return status >= 300 ? 'redirected' : 'broken';
}

/** `said`: in the receiver's words, quoted without anything secret; empty when it said nothing that can be read. */
export function deliveryOf(
  meaning: Meaning,
  { status, headers }: Omit<Answer, 'body'>,
  nowMs: number,
  said = '',
): Untaken {
  const why = `the receiver answered ${status}${said === '' ? '' : `: ${said}`}`;
  switch (meaning) {
    case 'busy': {
      const afterMs = retryAfterMs(headers['retry-after'], nowMs);
      return { kind: 'retry', code: 'receiver_busy', why, ...(afterMs === undefined ? {} : { afterMs }) };
    }
    case 'broken':
      return { kind: 'retry', code: 'answer_unreadable', why: `${why}, which is no answer of such a receiver` };
    case 'event':
      return { kind: 'split', code: 'event_refused', why };
    case 'large':
      return { kind: 'split', code: 'too_large', why };
    case 'credential':
      return { kind: 'hold', code: 'credential_refused', why };
    case 'settings':
      return { kind: 'hold', code: 'receiver_refuses', why };
    case 'redirected':
      return { kind: 'hold', code: 'redirected', why: `${why}, and redirects are not followed` };
  }
}

/** RFC 9110, 10.2.3: seconds, or a date. */
export function retryAfterMs(value: string | string[] | undefined, nowMs: number): number | undefined {
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  const ms = /^\d{1,10}$/.test(text)
    ? Number(text) * 1000
    : /[A-Za-z]/.test(text)
      ? Date.parse(text) - nowMs
      : Number.NaN;
  return Number.isFinite(ms) && ms > 0 ? Math.min(ms, LONGEST_WAIT_MS) : undefined;
}
