/** `_bulk` of Elasticsearch and of OpenSearch, as data streams have it: `create` alone, item by item, 409 for what is there. */
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

export interface BulkOptions extends ReceiverOptions {
  readonly product?: 'elasticsearch' | 'opensearch';
  /** Major version that media types must ask for. */
  readonly version?: 8 | 9;
  /** Value of `Authorization`; undefined: everybody may. */
  readonly authorization?: string | undefined;
}

interface Item {
  readonly create: { readonly _id: string; readonly status: number; readonly error?: object };
}

export async function startBulk(options: BulkOptions = {}): Promise<Receiver> {
  const { product = 'elasticsearch', version = 9, authorization } = options;
  const taken = new Set<string>();

  const answer = (request: Received, busyFrom: number): Reply => {
    const headers = product === 'elasticsearch' ? { 'x-elastic-product': 'Elasticsearch' } : {};
    const refuse = (status: number, type: string, reason: string): Reply =>
      json(status, { error: { type, reason }, status }, { headers });
    const { 'content-type': media = '', accept = '', authorization: given } = request.headers;
    if (authorization !== undefined && given !== authorization)
      return refuse(401, 'security_exception', `unable to authenticate with ${given ?? 'nothing'}`);
    const wanted = new RegExp(`compatible-with=${version}`);
    const isOther = (value: string): boolean => value.includes('compatible-with') && !wanted.test(value);
    if (product === 'elasticsearch' && (isOther(media) || isOther(accept)))
      return refuse(400, 'media_type_header_exception', 'Invalid media-type value on headers [Accept, Content-Type]');
    if (product === 'opensearch' && media.includes('vnd.elasticsearch')) return refuse(406, 'not_acceptable', media);
    const text = request.body.toString();
    if (!text.endsWith('\n')) return refuse(400, 'illegal_argument_exception', 'must be terminated by a newline');
    const lines = text.slice(0, -1).split('\n');
    const items: Item[] = [];
    const events: Event[] = [];
    for (let at = 0; at + 1 < lines.length; at += 2) {
      const id = idIn(lines[at]);
      if (id === undefined) return refuse(400, 'illegal_argument_exception', 'only create is allowed in data streams');
      const item = itemOf(id, lines[at + 1] ?? '', items.length >= busyFrom, taken);
      items.push(item);
      if (item.create.status === 201) events.push(eventOf(id, lines[at + 1] ?? ''));
    }
    const errors = items.some(({ create }) => create.status >= 300);
    return json(200, { took: 3, errors, items }, { headers, events });
  };

  return startReceiver(
    {
      isDelivery: (path) => path.endsWith('/_bulk'),
      answer: (request) => answer(request, Number.POSITIVE_INFINITY),
      // The second half finds its queue full.
      half: (request) => answer(request, Math.ceil((request.body.toString().split('\n').length - 1) / 4)),
    },
    options,
  );
}

function idIn(line: string | undefined): string | undefined {
  const { create, ...others } = objectIn(JSON.parse(line ?? ''));
  const { _id: id } = objectIn(create);
  return Object.keys(others).length === 0 && typeof id === 'string' ? id : undefined;
}

function itemOf(id: string, document: string, isBusy: boolean, taken: Set<string>): Item {
  if (isBusy)
    return {
      create: { _id: id, status: 429, error: { type: 'es_rejected_execution_exception', reason: 'queue full' } },
    };
  if (taken.has(id))
    return { create: { _id: id, status: 409, error: { type: 'version_conflict_engine_exception', reason: 'exists' } } };
  if (document.includes('poison'))
    return {
      create: {
        _id: id,
        status: 400,
        error: {
          type: 'document_parsing_exception',
          reason: `failed to parse field [hivekey.args] of type [long]. Preview of field's value: 'poison'`,
        },
      },
    };
  taken.add(id);
  return { create: { _id: id, status: 201 } };
}

function eventOf(id: string, document: string): Event {
  const event = objectIn(JSON.parse(document));
  const seq = objectIn(event.event).sequence ?? event.seq;
  return { id, seq: typeof seq === 'number' ? seq : undefined, event };
}
