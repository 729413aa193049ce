/** What it means for a batch that an authorization server gave no token for it. */
import type { Delivery } from '../transport.ts';
import { failureOf } from './failure.ts';
import { jsonObject } from './quote.ts';
import type { Answer } from './receiver.ts';
import { deliveryOf, type Meaning, meaningOf } from './verdict.ts';

/** What a client library saw last of its authorization server. */
export interface LastSeen {
  readonly answer?: Answer;
  readonly failed?: Delivery;
}

/** `error`: what the client said, where it has not even asked. */
export function noToken({ answer, failed }: LastSeen, error: unknown, nowMs: number): Delivery {
  if (failed !== undefined) return failed;
  if (answer === undefined) return failureOf(error, false);
  // RFC 6749, 5.2: what is wrong with the client is answered 400 or 401, with one of the codes there.
  const meaning: Meaning = answer.status === 400 ? 'credential' : meaningOf(answer.status);
  const code = jsonObject(answer.body)?.error;
  const said = typeof code === 'string' && /^[a-z_]{1,64}$/.test(code) ? code : '';
  const delivery = deliveryOf(meaning, answer, nowMs, said);
  return { ...delivery, why: `no token was given: ${delivery.why}` };
}
