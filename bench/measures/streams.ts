/** What an idle stream of an agent costs in memory, and how fast a revoke closes thousands of them. */
import { type ClientRequest, request } from 'node:http';
import { type Company, type Ground, JSON_HEADERS, modernBody, modernHeaders, openCompany } from '../company.ts';
import { median } from '../load.ts';
import type { Subject } from '../process.ts';
import { atMost, type Row } from '../rows.ts';
import type { Effort } from '../run.ts';

const STREAMS = 2_000;
const REVOKED_RUNS = 5;
/** Below the limit of one agent's legacy sessions. */
const SESSIONS_AN_AGENT = 200;
const OPEN_AT_ONCE = 50;

interface Stream {
  readonly request: ClientRequest;
  readonly closed: Promise<number>;
}

export async function benchStreams(ground: Ground, { scale }: Effort): Promise<Row[]> {
  const company = await openCompany(ground, { flags: ['--expose-gc'] });
  try {
    const [gateway] = company.gateways;
    if (gateway === undefined) throw new Error('no gateway');
    const count = STREAMS * scale;
    // One round to warm up: what is loaded and compiled once is not the streams' own.
    await memoryOf(company, gateway, modernKind, count / 4, 'warm-modern');
    await memoryOf(company, gateway, legacyKind, count / 4, 'warm-legacy');
    const modern = await memoryOf(company, gateway, modernKind, count, 'modern');
    const legacy = await memoryOf(company, gateway, legacyKind, count, 'legacy');
    const closing: number[] = [];
    for (let run = 0; run < REVOKED_RUNS; run += 1) closing.push(await closeByRevoke(company, gateway, count, run));
    const ms = median(closing);
    return [
      memoryRow('idle stream, subscriptions/listen', modern),
      memoryRow('idle stream, GET of a legacy session', legacy),
      {
        measure: `${count} streams of an agent closed by its revoke, order → last one closed`,
        value: ms,
        unit: 'ms',
        target: { text: '< 400 ms', met: ms < 400 },
      },
    ];
  } finally {
    await company.close();
  }
}

function memoryRow(measure: string, kilobytes: number): Row {
  return { measure, value: kilobytes, unit: 'KB', target: atMost(40, kilobytes, 'KB') };
}

type Kind = (company: Company, gateway: Subject, count: number, name: string) => Promise<Stream[]>;

/** Kilobytes of resident memory a stream, rubbish collected before and after. */
async function memoryOf(company: Company, gateway: Subject, open: Kind, count: number, name: string): Promise<number> {
  await gateway.ask('collect');
  const before = gateway.residentBytes();
  const streams = await open(company, gateway, count, name);
  await gateway.ask('collect');
  const after = gateway.residentBytes();
  for (const stream of streams) stream.request.destroy();
  await Promise.all(streams.map(({ closed }) => closed));
  return (after - before) / streams.length / 1000;
}

async function closeByRevoke(company: Company, gateway: Subject, count: number, run: number): Promise<number> {
  const name = `revoked-${run}`;
  const streams = await modernKind(company, gateway, count, name);
  const orderedMs = performance.now();
  const [times] = await Promise.all([
    Promise.all(streams.map(({ closed }) => closed)),
    company.admin.request('POST', `/v1/agents/${name}/revoke`, { body: { reason: 'drill' } }),
  ]);
  return Math.max(...times) - orderedMs;
}

async function modernKind(company: Company, { port }: Subject, count: number, name: string): Promise<Stream[]> {
  const headers = modernHeaders(await company.addAgent(name), 'subscriptions/listen');
  const body = modernBody(1, 'subscriptions/listen', { notifications: { toolsListChanged: true } });
  return openMany(count, () => openStream(port, 'POST', headers, body));
}

async function legacyKind(company: Company, { port }: Subject, count: number, name: string): Promise<Stream[]> {
  const agents = Math.ceil(count / SESSIONS_AN_AGENT);
  const streams: Stream[] = [];
  for (let agent = 0; agent < agents; agent += 1) {
    const authorization = `Bearer ${await company.addAgent(`${name}-${agent}`)}`;
    const sessions = Math.min(SESSIONS_AN_AGENT, count - streams.length);
    streams.push(...(await openMany(sessions, () => openSession(port, authorization))));
  }
  return streams;
}

async function openSession(port: number, authorization: string): Promise<Stream> {
  const clientInfo = { name: 'bench', version: '1.0.0' };
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo };
  const headers = { ...JSON_HEADERS, authorization };
  const opened = await fetch(`http://127.0.0.1:${port}/mcp/echo`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params }),
  });
  await opened.text();
  const session = opened.headers.get('mcp-session-id') ?? '';
  return openStream(port, 'GET', { ...headers, 'mcp-session-id': session }, undefined);
}

function openStream(
  port: number,
  method: string,
  headers: Record<string, string>,
  body: string | undefined,
): Promise<Stream> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: '/mcp/echo', method, headers, agent: false };
    const sent = request(options, (response) => {
      if (response.statusCode !== 200) return reject(new Error(`HTTP ${response.statusCode}`));
      const closed = new Promise<number>((done) => response.on('close', () => done(performance.now())));
      response.on('error', () => undefined).resume();
      resolve({ request: sent, closed });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

async function openMany(count: number, open: () => Promise<Stream>): Promise<Stream[]> {
  const streams: Stream[] = [];
  while (streams.length < count) {
    const more = Math.min(OPEN_AT_ONCE, count - streams.length);
    streams.push(...(await Promise.all(Array.from({ length: more }, open))));
  }
  return streams;
}
