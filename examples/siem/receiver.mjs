// `node receiver.mjs [port]`: a receiver to look at a stream with, before there is a SIEM. It needs Node.js alone, takes
// what sinks of the kinds `splunk` (with acknowledgement), `elastic` and `datadog` send, with any token, and prints
// one line for each event. It keeps numbers, not events, and says what is missing and what came twice.
import { createServer } from 'node:http';
import { gunzipSync } from 'node:zlib';

const [, , port = '8088'] = process.argv;
const seen = new Set();
const seqs = new Set();
let acks = 0;

/** The same facts in each format: native, OCSF, ECS, flat. */
function factsOf(event) {
  const { record = {}, metadata = {}, checkpoint, hivekey = {} } = event;
  const ecs = typeof event.event === 'object' ? event.event : {};
  return {
    id: record.event_id ?? metadata.uid ?? ecs.id ?? event.event_id ?? checkpoint?.id,
    seq: event.seq ?? metadata.sequence ?? ecs.sequence,
    kind: record.kind ?? metadata.event_code ?? ecs.code ?? event.kind ?? 'stream.checkpoint',
    verdict: record.verdict ?? event.status_code ?? hivekey.verdict ?? event.verdict ?? '',
  };
}

function take(event) {
  const { id, seq, kind, verdict } = factsOf(event);
  const again = seen.has(id);
  seen.add(id);
  if (seq !== undefined) seqs.add(seq);
  console.log(
    [String(seq ?? '').padStart(8), kind.padEnd(20), verdict.padEnd(7), id, again ? '(again)' : ''].join(' '),
  );
}

const json = (res, status, body, headers = {}) => {
  res.writeHead(status, { 'content-type': 'application/json', ...headers });
  res.end(JSON.stringify(body));
};

const ROUTES = [
  [
    /\/services\/collector\/event$/,
    (text, res) => {
      for (const line of text.split('\n')) take(JSON.parse(line).event);
      json(res, 200, { text: 'Success', code: 0, ackId: acks++ });
    },
  ],
  [
    /\/services\/collector\/ack$/,
    (text, res) => {
      json(res, 200, { acks: Object.fromEntries(JSON.parse(text).acks.map((id) => [id, true])) });
    },
  ],
  [
    /\/_bulk$/,
    (text, res) => {
      const documents = text
        .trimEnd()
        .split('\n')
        .filter((_, line) => line % 2 === 1);
      for (const document of documents) take(JSON.parse(document));
      const items = documents.map(() => ({ create: { status: 201 } }));
      json(res, 200, { errors: false, items }, { 'x-elastic-product': 'Elasticsearch' });
    },
  ],
  [
    /\/api\/v2\/logs$/,
    (text, res) => {
      for (const { message } of JSON.parse(text)) take(JSON.parse(message));
      json(res, 202, {});
    },
  ],
];

const server = createServer(async (req, res) => {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  const raw = Buffer.concat(chunks);
  const text = (req.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw).toString();
  const { pathname } = new URL(req.url, 'http://receiver');
  const route = ROUTES.find(([path]) => path.test(pathname));
  if (route === undefined) return json(res, 404, { error: 'no such path' });
  try {
    route[1](text, res);
  } catch {
    json(res, 400, { error: 'not what a sink of HiveKey sends' });
  }
});

server.listen(Number(port), '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}`));

process.on('SIGINT', () => {
  const numbers = [...seqs].sort((a, b) => a - b);
  const [first, last] = [numbers[0] ?? 0, numbers.at(-1) ?? 0];
  const missing = [];
  for (let seq = first; seq < last && missing.length < 100; seq += 1) if (!seqs.has(seq)) missing.push(seq);
  console.log(`${numbers.length} entries from ${first} to ${last}; missing: ${missing.join(', ') || 'none'}`);
  process.exit(0);
});
