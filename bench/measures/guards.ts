/** What guards add to a `tools/call`: agents of one gateway whose roles differ only by them, in windows that take turns. */
import { type Company, echoCall, type Ground, openCompany, roleDocument } from '../company.ts';
import { type Load, median, openLoad, quantile } from '../load.ts';
import type { Subject } from '../process.ts';
import type { Row } from '../rows.ts';
import type { Effort } from '../run.ts';

const CONNECTIONS = 16;
const WARM_UP_CALLS = 2_000;
const MANY = 1_000_000_000;

interface Case {
  readonly name: string;
  readonly guards: readonly object[];
}

const NONE: Case = { name: 'no guard', guards: [] };
const CASES: readonly Case[] = [
  { name: 'an argument', guards: [guard({ field: 'message', startsWith: 'The' })] },
  { name: 'a risk signal', guards: [guard({ field: 'risk', lt: 'critical' })] },
  { name: 'a window of the agent', guards: [guard({ field: 'count(24h)', lte: MANY })] },
  { name: 'a window of the workspace', guards: [guard({ field: 'count(24h)', lte: MANY, scope: 'workspace' })] },
  { name: 'a window for each message', guards: [guard({ field: 'count(24h)', lte: MANY, per: 'message' })] },
  {
    name: 'first use of a message',
    guards: [{ ...guard({ field: 'first_use(message)', within: '1d' }), otherwise: 'allow' }],
  },
];

function guard(when: object): object {
  return { id: 'measured', action: 'echo.echo', when, effect: 'allow' };
}

interface Contestant {
  readonly name: string;
  readonly load: Load;
  readonly microseconds: number[];
  readonly p50: number[];
  readonly p99: number[];
}

export async function benchGuards(ground: Ground, { runs, windowSeconds, scale }: Effort): Promise<Row[]> {
  const company = await openCompany(ground);
  try {
    const [gateway] = company.gateways;
    if (gateway === undefined) throw new Error('no gateway');
    const contestants: Contestant[] = [];
    for (const [n, each] of [NONE, ...CASES].entries()) contestants.push(await enter(company, gateway, each, n));
    for (const { load } of contestants) await load.run({ calls: WARM_UP_CALLS * scale });
    for (let run = 0; run < runs; run += 1) for (const each of contestants) await measure(gateway, each, windowSeconds);
    await Promise.all(contestants.map(({ load }) => load.close()));
    return rowsOf(contestants);
  } finally {
    await company.close();
  }
}

async function enter(company: Company, gateway: Subject, { name, guards }: Case, n: number): Promise<Contestant> {
  const role = `guarded-${n}`;
  await company.admin.request('PUT', `/v1/roles/${role}`, { body: roleDocument(role, ['echo.echo'], guards) });
  const agent = { name: `guarded-bot-${n}`, role, owner: 'dana@acme.example' };
  await company.admin.request('POST', '/v1/agents', { body: agent });
  const { token } = await company.admin.request<{ token: string }>('POST', '/v1/tokens', {
    body: { agent: agent.name },
  });
  return { name, load: openLoad(echoCall(gateway.port, token), CONNECTIONS), microseconds: [], p50: [], p99: [] };
}

async function measure(gateway: Subject, { load, microseconds, p50, p99 }: Contestant, seconds: number): Promise<void> {
  const before = gateway.cpuSeconds();
  const { calls, latenciesMs } = await load.run({ seconds });
  microseconds.push(((gateway.cpuSeconds() - before) * 1e6) / calls);
  p50.push(quantile(latenciesMs, 0.5));
  p99.push(quantile(latenciesMs, 0.99));
}

function rowsOf([none, ...guarded]: readonly Contestant[]): Row[] {
  if (none === undefined) return [];
  const cpu = median(none.microseconds);
  const latency = median(none.p50);
  return guarded.flatMap(({ name, microseconds, p50, p99 }): Row[] => [
    {
      measure: `${name}: CPU of a call`,
      value: median(microseconds),
      unit: 'µs',
      baseline: `no guard: ${Math.round(cpu)} µs`,
      ratio: median(microseconds) / cpu,
    },
    {
      measure: `${name}: latency`,
      value: median(p50),
      unit: 'ms',
      p99: median(p99),
      baseline: `no guard: ${latency.toFixed(2)} ms, p99 ${median(none.p99).toFixed(2)} ms`,
      ratio: median(p50) / latency,
    },
  ]);
}
