/** A receiver of the stream in batches: takes what one of its secrets has signed, and nothing else. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import {
  type Event,
  type Received,
  type Receiver,
  type ReceiverOptions,
  type Reply,
  startReceiver,
} from './receiver.ts';

const TOLERANCE_SECONDS = 300;

const body = z.object({ events: z.array(z.looseObject({})).min(1) });
const native = z.union([
  z.looseObject({ seq: z.int(), record: z.looseObject({ event_id: z.string() }) }).transform(({ seq, record }) => ({
    seq,
    id: record.event_id,
  })),
  z
    .looseObject({ checkpoint: z.looseObject({ event_id: z.string() }) })
    .transform(({ checkpoint }) => ({ seq: undefined, id: checkpoint.event_id })),
]);

export interface WebhookReceiver extends Receiver {
  /** Any of them may have signed. */
  readonly secrets: string[];
  /** Answers 400 to a batch of which this is true, and says nothing more. */
  refuses: (text: string) => boolean;
}

export async function startWebhook(
  secrets: readonly string[],
  options: ReceiverOptions = {},
): Promise<WebhookReceiver> {
  const rules = { secrets: [...secrets], refuses: (_text: string): boolean => false };
  const answer = (request: Received): Reply => {
    if (!isSigned(request, rules.secrets)) return { status: 401 };
    if (rules.refuses(request.body.toString())) return { status: 400 };
    return { status: 200, events: eventsOf(request.body) };
  };
  const receiver = await startReceiver({ isDelivery: (path) => path === '/hook', answer }, options);
  return {
    ...receiver,
    secrets: rules.secrets,
    get chance() {
      return receiver.chance;
    },
    set chance(value) {
      receiver.chance = value;
    },
    get refuses() {
      return rules.refuses;
    },
    set refuses(value) {
      rules.refuses = value;
    },
  };
}

/** The native form, as each line stands in the body. */
function eventsOf(bytes: Buffer): readonly Event[] {
  return body.parse(JSON.parse(bytes.toString())).events.map((event) => ({ ...native.parse(event), event }));
}

function isSigned({ headers, body: bytes }: Received, secrets: readonly string[]): boolean {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures } = headers;
  if (typeof signatures !== 'string' || Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE_SECONDS)
    return false;
  return signatures.split(' ').some((signature) =>
    secrets.some((secret) => {
      const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
      const mac = createHmac('sha256', key).update(`${id}.${timestamp}.${bytes}`).digest();
      const given = Buffer.from(signature.slice('v1,'.length), 'base64');
      return given.length === mac.length && timingSafeEqual(given, mac);
    }),
  );
}
