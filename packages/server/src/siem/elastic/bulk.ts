/** Requests and answers of `_bulk`, which Elasticsearch and OpenSearch have in common. */
import type { Secret } from '../../secret.ts';
import { isObject, jsonObject, quoted } from '../http/quote.ts';
import type { Answer } from '../http/receiver.ts';
import { deliveryOf, type Meaning, meaningOf } from '../http/verdict.ts';
import type { Delivery, OutgoingEvent, Rejection } from '../transport.ts';

/** Of the answer: what became of each item, and nothing that was sent. */
export const FILTER = 'errors,items.create.status,items.create.error.type,items.create.error.reason';

/** An answer has a line or two for each item, so it may be longer than those of other receivers. */
export const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

/** `create` alone: data streams take nothing else, and what is there already is not written over. */
export function bulkBody(events: readonly OutgoingEvent[]): string {
  return events.map(({ id, body }) => `{"create":{"_id":${JSON.stringify(id)}}}\n${body}\n`).join('');
}

/** Each event of ours is well-formed, so a request that is refused as a whole is refused for what it asks. */
const WHOLE: Readonly<Record<number, Meaning>> = { 400: 'settings', 422: 'settings' };

/** `events`: how many were sent; `secrets`: what no word of the receiver may repeat. */
export function deliveryOfBulk(answer: Answer, events: number, secrets: readonly Secret[], nowMs: number): Delivery {
  const body = jsonObject(answer.body);
  if (answer.status !== 200)
    return deliveryOf(meaningOf(answer.status, WHOLE), answer, nowMs, errorOf(body?.error, secrets));
  const items = itemsOf(body?.items, secrets);
  if (items.length !== events) return deliveryOf('broken', answer, nowMs);
  const rejected: Rejection[] = [];
  const again: number[] = [];
  let duplicates = 0;
  let why = '';
  for (const [index, { status, error }] of items.entries()) {
    if (status === 409) duplicates += 1;
    else if (status === 400) rejected.push({ index, why: error });
    else if (status < 200 || status >= 300) {
      again.push(index);
      why = `an item was answered ${status}${error === '' ? '' : `: ${error}`}`;
    }
  }
  if (rejected.length === 0 && again.length === 0) return { kind: 'taken', confirmed: true, duplicates };
  return { kind: 'partly', confirmed: true, rejected, again, why: why === '' ? (rejected[0]?.why ?? '') : why };
}

interface Item {
  readonly status: number;
  readonly error: string;
}

function itemsOf(value: unknown, secrets: readonly Secret[]): readonly Item[] {
  if (!Array.isArray(value)) return [];
  return value.map((item: unknown) => {
    const create = isObject(item) ? item.create : undefined;
    const { status, error }: Readonly<Record<string, unknown>> = isObject(create) ? create : {};
    return { status: typeof status === 'number' ? status : 0, error: errorOf(error, secrets) };
  });
}

/** Without the value of the field, which is repeated behind these words. */
const PREVIEW = /\.?\s*Preview of field's value:[\s\S]*$/;

function errorOf(error: unknown, secrets: readonly Secret[]): string {
  if (!isObject(error)) return '';
  const reason = typeof error.reason === 'string' ? error.reason.replace(PREVIEW, '') : '';
  return [quoted(error.type, secrets), quoted(reason, secrets)].filter((text) => text !== '').join(': ');
}
