/**
 * A Splunk HTTP Event Collector with indexer acknowledgement: 200 says that it has read a request, and an acknowledgement
 * that is true once says that it has indexed it. After a restart the ids begin with 0 again, and what was read and not
 * yet indexed is gone.
 */
import {
  type Event,
  json,
  objectIn,
  type Received,
  type Receiver,
  type ReceiverOptions,
  type Reply,
  startReceiver,
} from './receiver.ts';

export interface HecOptions extends ReceiverOptions {
  readonly token?: string;
  /** Whether the token has acknowledgement. True when absent. */
  readonly acknowledge?: boolean;
}

export interface HecReceiver extends Receiver {
  readonly token: string;
  /** Channels that were used, and the cookies that came with each delivery. */
  readonly channels: Set<string>;
  readonly cookies: (string | undefined)[];
  readonly polls: { count: number };
  /** The code with which it accepts: 24 and 25 say that it fills up. */
  acceptWith: 0 | 24 | 25;
  /** Reads requests and indexes none of them; what waits is indexed when it is false again. */
  stuck: boolean;
  /** Loses what is not indexed, and counts from 0. */
  restart(): void;
}

interface Pending {
  /** Read and not yet indexed. */
  events: readonly Event[];
  readonly isLost: boolean;
}

const TEXTS: Readonly<Record<number, string>> = {
  0: 'Success',
  2: 'Token is required',
  3: 'Invalid authorization',
  4: 'Invalid token',
  5: 'No data',
  6: 'Invalid data format',
  10: 'Data channel is missing',
  12: 'Event field is required',
  13: 'Event field cannot be blank',
  14: 'ACK is disabled',
  15: 'Error in handling indexed fields',
  24: 'Queue is approaching capacity',
  25: 'ACK channel is approaching capacity',
};

/** The answer of a code, as Splunk words it. */
export function hecCode(status: number, code: number, more: object = {}): Reply {
  return json(status, { text: TEXTS[code] ?? '', code, ...more });
}

const COOKIES = ['route=indexer-1; Path=/; HttpOnly', 'old=gone; Max-Age=0'];

export async function startHec(options: HecOptions = {}): Promise<HecReceiver> {
  const { token = 'b8a2f4c6-1d3e-4f50-9a7b-2c4d6e8f0a1b', acknowledge = true } = options;
  const channels = new Set<string>();
  const cookies: (string | undefined)[] = [];
  const polls = { count: 0 };
  let pending = new Map<number, Pending>();
  let nextId = 0;

  const unauthorized = ({ headers: { authorization } }: Received): Reply | undefined => {
    if (authorization === undefined) return hecCode(401, 2);
    if (!authorization.startsWith('Splunk ')) return hecCode(401, 3);
    return authorization === `Splunk ${token}` ? undefined : hecCode(403, 4);
  };

  const take = (request: Received, isLost: boolean): Reply => {
    const refused = unauthorized(request);
    if (refused !== undefined) return refused;
    const channel = request.headers['x-splunk-request-channel'];
    if (acknowledge && typeof channel !== 'string') return hecCode(400, 10);
    if (typeof channel === 'string') channels.add(channel);
    cookies.push(request.headers.cookie);
    const read = readEvents(request.body.toString());
    if ('code' in read) return hecCode(400, read.code, { 'invalid-event-number': read.number });
    const { events } = read;
    const headers = { 'set-cookie': COOKIES };
    if (!acknowledge) return { ...hecCode(200, hec.acceptWith), events, headers };
    const ackId = nextId++;
    pending.set(ackId, { events: hec.stuck ? events : [], isLost });
    return { ...hecCode(200, hec.acceptWith, { ackId }), events: hec.stuck ? [] : events, headers };
  };

  const poll = (request: Received): Reply => {
    polls.count += 1;
    const refused = unauthorized(request);
    if (refused !== undefined) return refused;
    if (!acknowledge) return hecCode(400, 14);
    const asked = objectIn(JSON.parse(request.body.toString())).acks;
    const acks: Record<string, boolean> = {};
    for (const id of Array.isArray(asked) ? asked : []) {
      const waiting = pending.get(id);
      acks[String(id)] = waiting !== undefined && !hec.stuck && !waiting.isLost;
      if (waiting === undefined || acks[String(id)] === false) continue;
      receiver.store(waiting.events);
      pending.delete(id);
    }
    return json(200, { acks });
  };

  const receiver = await startReceiver(
    {
      isDelivery: (path) => path.endsWith('/services/collector/event'),
      lost: (request) => take(request, true),
      answer: (request) => {
        if (request.path.endsWith('/services/collector/ack')) return poll(request);
        return request.path.endsWith('/services/collector/event') ? take(request, false) : { status: 404 };
      },
    },
    options,
  );
  const acceptWith: HecReceiver['acceptWith'] = 0;
  const hec: HecReceiver = Object.assign(receiver, {
    token,
    channels,
    cookies,
    polls,
    acceptWith,
    stuck: false,
    restart: () => {
      pending = new Map();
      nextId = 0;
    },
  });
  return hec;
}

type Read = { readonly events: readonly Event[] } | { readonly code: number; readonly number: number };

/** Objects one after another, each on a line here. Numbers count from 0. An event whose text has `poison` is refused. */
function readEvents(text: string): Read {
  const events: Event[] = [];
  for (const [number, line] of text.split('\n').entries()) {
    let envelope: Readonly<Record<string, unknown>>;
    try {
      envelope = objectIn(JSON.parse(line));
    } catch {
      return { code: 6, number };
    }
    const { event, fields, time } = envelope;
    if (event === undefined) return { code: 12, number };
    if (event === '') return { code: 13, number };
    if (typeof time !== 'number' || time > 1e11 || JSON.stringify(event).includes('poison')) return { code: 6, number };
    const { event_id: id, seq, ...others } = objectIn(fields);
    if (typeof id !== 'string' || Object.values(others).some((value) => typeof value === 'object'))
      return { code: 15, number };
    events.push({ id, seq: seq === undefined ? undefined : Number(seq), event: envelope });
  }
  return { events };
}
