/** The codes of HEC answers (Splunk: "Troubleshoot HTTP Event Collector", possible error codes). */

import { jsonObject } from '../http/quote.ts';
import type { Answer } from '../http/receiver.ts';
import { deliveryOf, type Meaning, meaningOf } from '../http/verdict.ts';
import type { Delivery } from '../transport.ts';

type CodeMeaning = 'accepted' | 'crowded' | 'record' | Extract<Meaning, 'busy' | 'credential' | 'settings'>;

interface Code {
  readonly meaning: CodeMeaning;
  readonly words: string;
}

const code = (meaning: CodeMeaning, words: string): Code => ({ meaning, words });

const CODES: ReadonlyMap<number, Code> = new Map([
  [0, code('accepted', 'success')],
  [1, code('credential', 'the token is disabled')],
  [2, code('credential', 'a token is required')],
  [3, code('credential', 'the authorization is malformed')],
  [4, code('credential', 'the token is not known')],
  [5, code('record', 'no data')],
  [6, code('record', 'invalid data format')],
  [7, code('settings', 'the token may not write to this index')],
  [8, code('busy', 'internal error')],
  [9, code('busy', 'the server is busy')],
  [10, code('settings', 'the channel is missing')],
  [11, code('settings', 'the channel is invalid')],
  [12, code('record', 'the event is missing')],
  [13, code('record', 'the event is blank')],
  [14, code('settings', 'acknowledgement is disabled')],
  [15, code('record', 'the indexed fields cannot be handled')],
  [16, code('settings', 'authorization in the query is not enabled')],
  [18, code('busy', 'the queues are full')],
  [19, code('busy', 'the acknowledgement service is unavailable')],
  [20, code('busy', 'the queues are full and acknowledgement is unavailable')],
  [21, code('credential', 'the token is invalid')],
  [22, code('credential', 'the token is disabled')],
  [23, code('busy', 'the server is shutting down')],
  [24, code('crowded', 'accepted; the queue approaches its capacity')],
  [25, code('crowded', 'accepted; the acknowledgement channel approaches its capacity')],
  [26, code('busy', 'the queue is at its capacity')],
  [27, code('busy', 'the acknowledgement channel is at its capacity')],
]);

/** 200 alone is no acceptance, and every 400 of HEC has a code: one without is of something in between. */
const WITHOUT_CODE: Readonly<Record<number, Meaning>> = { 400: 'broken', 422: 'broken' };

export type Reply =
  /** Read, but not yet indexed. `crowded`: with fewer at once it will last longer. */
  | { readonly kind: 'accepted'; readonly crowded: boolean; readonly ackId: number | undefined }
  /** A record is refused; `number`: which, as the receiver counts. */
  | { readonly kind: 'record'; readonly number: number | undefined; readonly why: string }
  | { readonly kind: 'other'; readonly delivery: Delivery };

export function replyOf(answer: Answer, nowMs: number): Reply {
  const body = jsonObject(answer.body);
  const number = body?.code;
  const known = typeof number === 'number' ? CODES.get(number) : undefined;
  if (body === undefined || known === undefined)
    return { kind: 'other', delivery: deliveryOf(meaningOf(answer.status, WITHOUT_CODE), answer, nowMs) };
  const words = `${known.words} (code ${String(number)})`;
  switch (known.meaning) {
    case 'accepted':
    case 'crowded': {
      const isTaken = answer.status >= 200 && answer.status < 300;
      if (!isTaken) return { kind: 'other', delivery: deliveryOf(meaningOf(answer.status), answer, nowMs) };
      return { kind: 'accepted', crowded: known.meaning === 'crowded', ackId: count(body.ackId) };
    }
    case 'record':
      return { kind: 'record', number: count(body['invalid-event-number']), why: words };
    default:
      return { kind: 'other', delivery: deliveryOf(known.meaning, answer, nowMs, words) };
  }
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
