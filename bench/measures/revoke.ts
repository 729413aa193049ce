/** The kill switch under load: several gateways on one database, an agent that calls through all of them, and its revoke. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { Pool } from 'undici';
import { type Company, type Ground, modernBody, modernHeaders, openCompany } from '../company.ts';
import { type EchoRequest, echoAnswer } from '../echo.ts';
import { quantile } from '../load.ts';
import { atMost, type Row } from '../rows.ts';
import type { Effort } from '../run.ts';

const NODES = 3;
const CALLERS_A_NODE = 8;
/** Between two calls of a caller: the nodes are at work, and the cores are not all taken by the load itself. */
const PAUSE_MS = 20;
const REVOKES = 1_000;
/** Calls that have come back before the order is given. */
const WARM_CALLS = 60;
/** Refusals that are waited for afterwards, so that a late call would be seen. */
const REFUSALS = 60;

interface Trial {
  readonly orderedMs: number;
  readonly returnedMs: number;
  readonly firstRefusalMs: number;
  /** When the last call that was answered well reached the upstream. */
  readonly lastEffectMs: number;
  /** Calls that reached the upstream after the order had been answered and whose caller still waited. */
  readonly late: number;
}

export async function benchRevoke(ground: Ground, { scale }: Effort): Promise<Row[]> {
  const upstream = await startTally();
  const company = await openCompany(ground, { nodes: NODES, upstreamPort: upstream.port });
  const background = await startBackground(company);
  try {
    const trials: Trial[] = [];
    for (let n = 0; n < REVOKES * scale; n += 1) trials.push(await revoke(company, upstream, `victim-${n}`));
    const sorted = (of: (trial: Trial) => number): Float64Array => Float64Array.from(trials.map(of)).sort();
    const since = (name: string, of: (trial: Trial) => number): Row => {
      const times = sorted((trial) => of(trial) - trial.orderedMs);
      return { measure: name, value: quantile(times, 0.5), unit: 'ms', p99: quantile(times, 0.99) };
    };
    const late = trials.reduce((sum, trial) => sum + trial.late, 0);
    const last = since('order → last call at the upstream', ({ lastEffectMs }) => lastEffectMs);
    const lastP99 = last.p99 ?? Number.NaN;
    return [
      {
        measure: `calls begun after the revoke returned, ${trials.length} revokes, ${NODES} nodes`,
        value: late,
        unit: 'calls',
        target: atMost(0, late, 'calls'),
      },
      { ...last, target: { text: 'p99 < 50 ms', met: lastP99 < 50 } },
      since('order → first refusal', ({ firstRefusalMs }) => firstRefusalMs),
      since('order → its answer', ({ returnedMs }) => returnedMs),
    ];
  } finally {
    await background.stop();
    await company.close();
    upstream.close();
  }
}

/** Another agent calls all the time, so that the nodes and the log are at work. */
async function startBackground(company: Company): Promise<{ stop(): Promise<void> }> {
  const token = await company.addAgent('background');
  const callers = startCallers(company, token, 'background', 2);
  return { stop: callers.stop };
}

async function revoke(company: Company, upstream: Tally, name: string): Promise<Trial> {
  const token = await company.addAgent(name);
  const callers = startCallers(company, token, name, CALLERS_A_NODE);
  await until(() => callers.good() >= WARM_CALLS);
  const orderedMs = performance.now();
  await company.admin.request('POST', `/v1/agents/${name}/revoke`, { body: { reason: 'drill' } });
  const returnedMs = performance.now();
  await until(() => callers.refusedSince(returnedMs) >= REFUSALS);
  await callers.stop();
  const arrivals = upstream.of(name);
  const effects = arrivals.filter(({ abandoned }) => !abandoned);
  return {
    orderedMs,
    returnedMs,
    firstRefusalMs: callers.firstRefusalMs(),
    lastEffectMs: Math.max(orderedMs, ...effects.map(({ atMs }) => atMs)),
    late:
      effects.filter(({ atMs }) => atMs > returnedMs).length +
      arrivals.filter(({ sentMs }) => sentMs > returnedMs).length,
  };
}

interface Callers {
  good(): number;
  /** Refused calls that were sent after that moment. */
  refusedSince(ms: number): number;
  firstRefusalMs(): number;
  stop(): Promise<void>;
}

function startCallers(company: Company, token: string, name: string, each: number): Callers {
  let isStopped = false;
  let good = 0;
  let firstRefusalMs = Number.NaN;
  const refusedAt: number[] = [];
  const headers = modernHeaders(token, 'tools/call', 'echo');
  const pools = company.gateways.map(
    ({ port }) => new Pool(`http://127.0.0.1:${port}`, { connections: each, pipelining: 1 }),
  );
  const call = async (pool: Pool): Promise<void> => {
    const sentMs = performance.now();
    const body = modernBody(1, 'tools/call', { name: 'echo', arguments: { message: `${name} ${sentMs}` } });
    try {
      const answer = await pool.request({ method: 'POST', path: '/mcp/echo', headers, body });
      const text = await answer.body.text();
      if (answer.statusCode === 200) good += text.includes('"isError":true') ? 0 : 1;
      else {
        if (refusedAt.length === 0) firstRefusalMs = performance.now();
        refusedAt.push(sentMs);
      }
    } catch {
      // A stop cuts the connections of calls in flight.
    }
  };
  const work = async (pool: Pool): Promise<void> => {
    while (!isStopped) {
      await call(pool);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  };
  const done = Promise.all(pools.flatMap((pool) => Array.from({ length: each }, () => work(pool))));
  return {
    good: () => good,
    refusedSince: (ms) => refusedAt.filter((sentMs) => sentMs > ms).length,
    firstRefusalMs: () => firstRefusalMs,
    stop: async () => {
      isStopped = true;
      await done;
      await Promise.all(pools.map((pool) => pool.close()));
    },
  };
}

interface Arrival {
  readonly atMs: number;
  /** When its caller sent it. */
  readonly sentMs: number;
  /** The gateway went away before it was answered. */
  abandoned: boolean;
}

interface Tally {
  readonly port: number;
  of(name: string): readonly Arrival[];
  close(): void;
}

/** As long as a quick tool takes: a gateway that has gone away meanwhile is noticed before the answer. */
const ANSWER_AFTER_MS = 2;

/** An echo that notes what reaches it. It runs in this process, so that its clock is that of the callers. */
async function startTally(): Promise<Tally> {
  const arrivals = new Map<string, Arrival[]>();
  const server = createServer((request, response) => {
    const atMs = performance.now();
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const message: EchoRequest = JSON.parse(Buffer.concat(chunks).toString());
      const answer = (): void => {
        response.setHeader('content-type', 'application/json');
        response.end(echoAnswer(message));
      };
      if (message.method !== 'tools/call') return answer();
      const [name = '', sent] = message.params.arguments.message.split(' ');
      const arrival: Arrival = { atMs, sentMs: Number(sent), abandoned: false };
      const of = arrivals.get(name);
      if (of === undefined) arrivals.set(name, [arrival]);
      else of.push(arrival);
      response.on('close', () => {
        arrival.abandoned = !response.writableFinished;
      });
      setTimeout(answer, ANSWER_AFTER_MS);
    });
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    of: (name) => arrivals.get(name) ?? [],
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function until(isDone: () => boolean): Promise<void> {
  while (!isDone()) await new Promise((resolve) => setTimeout(resolve, 1));
}
