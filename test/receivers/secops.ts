/** The ingestion methods of Google's Chronicle API, and the token endpoint of service accounts. */
import {
  json,
  objectIn,
  type Received,
  type Receiver,
  type ReceiverOptions,
  type Reply,
  startReceiver,
} from './receiver.ts';

const MAX_REQUEST_BYTES = 4 * 1024 * 1024;

export interface SecopsReceiver extends Receiver {
  readonly tokens: { count: number };
  instead: Reply | undefined;
}

/** Import methods and the token endpoint, `/token`. One event that it cannot read is the end of the whole request. */
export async function startSecops(options: ReceiverOptions = {}): Promise<SecopsReceiver> {
  const tokens = { count: 0 };
  const issued = new Set<string>();
  const refuse = (code: number, status: string, message: string): Reply =>
    json(code, { error: { code, message, status } });

  const token = (request: Received): Reply => {
    if (secops.instead !== undefined) return secops.instead;
    const form = new URLSearchParams(request.body.toString());
    if (form.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:jwt-bearer')
      return json(400, { error: 'invalid_grant' });
    tokens.count += 1;
    const access = `google-token-${tokens.count}`;
    issued.add(access);
    return json(200, { access_token: access, expires_in: 3599, token_type: 'Bearer' });
  };

  const take = (request: Received): Reply => {
    if (!issued.has(request.headers.authorization?.replace(/^Bearer /, '') ?? ''))
      return refuse(401, 'UNAUTHENTICATED', 'API keys are not supported by this API');
    if (request.body.length > MAX_REQUEST_BYTES) return refuse(413, 'FAILED_PRECONDITION', 'too large');
    const source = objectIn(objectIn(JSON.parse(request.body.toString())).inlineSource);
    const isUdm = request.path.endsWith('/events:import');
    const list = isUdm ? source.events : source.logs;
    if (!Array.isArray(list)) return refuse(400, 'INVALID_ARGUMENT', 'inlineSource is required');
    const read = list.map((each) => (isUdm ? udm(objectIn(each)) : raw(objectIn(each))));
    const events = read.filter((each) => each !== undefined);
    if (events.length < read.length)
      return refuse(400, 'INVALID_ARGUMENT', `invalid, from ${request.headers.authorization ?? ''}`);
    return json(200, {}, { events });
  };

  const receiver = await startReceiver(
    {
      isDelivery: (path) => path.endsWith(':import'),
      answer: (request) => {
        if (request.path === '/token') return token(request);
        return request.path.endsWith(':import') ? take(request) : refuse(404, 'NOT_FOUND', 'no such method');
      },
    },
    options,
  );
  const instead: Reply | undefined = undefined;
  const secops: SecopsReceiver = Object.assign(receiver, { tokens, instead });
  return secops;
}

function raw({ data, labels, logEntryTime }: Readonly<Record<string, unknown>>) {
  const text = Buffer.from(String(data), 'base64').toString();
  const { event_id: id, seq } = objectIn(labels);
  if (text.includes('poison') || Number.isNaN(Date.parse(String(logEntryTime)))) return undefined;
  return {
    id: String(objectIn(id).value),
    seq: seq === undefined ? undefined : Number(objectIn(seq).value),
    event: text,
  };
}

function udm({ udm: event }: Readonly<Record<string, unknown>>) {
  const { metadata } = objectIn(event);
  const { product_log_id: id, event_timestamp: at, event_type: type } = objectIn(metadata);
  if (typeof id !== 'string' || typeof at !== 'string' || typeof type !== 'string') return undefined;
  if (JSON.stringify(event).includes('poison')) return undefined;
  return { id, seq: undefined, event };
}
