/** What the gateway adds to a `tools/call`, all included: the same call direct and through it, in windows that take turns. */
import { type Company, echoCall, type Ground, openCompany } from '../company.ts';
import { type Load, median, openLoad, quantile, type RunOptions } from '../load.ts';
import type { Row } from '../rows.ts';
import type { Effort } from '../run.ts';

const WARM_UP_CALLS = 4_000;
/** Calls a second that leave the machine most of its time. */
const CALM_RATE = 400;
const HELD_TO = { p50: 1.5, p99: 8 };

interface Setting {
  readonly name: string;
  readonly connections: number;
  readonly rate?: number;
  readonly isHeldToTarget: boolean;
}

const SETTINGS: readonly Setting[] = [
  { name: '64 connections, all busy', connections: 64, isHeldToTarget: true },
  { name: `64 connections, ${CALM_RATE} calls/s`, connections: 64, rate: CALM_RATE, isHeldToTarget: true },
  { name: '1 connection', connections: 1, isHeldToTarget: false },
];

export async function benchLatency(ground: Ground, { runs, windowSeconds, scale }: Effort): Promise<Row[]> {
  const company = await openCompany(ground);
  try {
    const [gateway] = company.gateways;
    if (gateway === undefined) throw new Error('no gateway');
    const token = await company.addAgent('echo-bot');
    const rows: Row[] = [];
    for (const setting of SETTINGS) {
      const direct = openLoad(echoCall(company.upstreamPort), setting.connections);
      const through = openLoad(echoCall(gateway.port, token), setting.connections);
      for (const load of [direct, through]) await load.run({ calls: WARM_UP_CALLS * scale });
      rows.push(...(await compare(setting, direct, through, runs, windowSeconds)));
      await Promise.all([direct.close(), through.close()]);
    }
    return [...rows, ...(await stepTimes(company))];
  } finally {
    await company.close();
  }
}

async function compare(setting: Setting, direct: Load, through: Load, runs: number, seconds: number): Promise<Row[]> {
  const { name, rate, isHeldToTarget } = setting;
  const options: RunOptions = { seconds, ...(rate === undefined ? {} : { rate }) };
  const taken = { direct: [] as Sample[], through: [] as Sample[] };
  for (let run = 0; run < runs; run += 1) {
    taken.direct.push(await sample(direct, options));
    taken.through.push(await sample(through, options));
  }
  const of = (samples: readonly Sample[], figure: keyof Sample): number => median(samples.map((each) => each[figure]));
  const p50 = of(taken.through, 'p50') - of(taken.direct, 'p50');
  const p99 = of(taken.through, 'p99') - of(taken.direct, 'p99');
  const baseline = `direct: ${of(taken.direct, 'p50').toFixed(2)} ms, p99 ${of(taken.direct, 'p99').toFixed(2)} ms`;
  const target = {
    text: `p50 ≤ ${HELD_TO.p50} ms, p99 ≤ ${HELD_TO.p99} ms`,
    met: p50 <= HELD_TO.p50 && p99 <= HELD_TO.p99,
  };
  const added: Row = { measure: `added latency, ${name}`, value: p50, unit: 'ms', p99, baseline };
  const rows = [isHeldToTarget ? { ...added, target } : added];
  if (rate !== undefined) return rows;
  const perSecond = of(taken.through, 'perSecond');
  const directly = of(taken.direct, 'perSecond');
  return [
    ...rows,
    {
      measure: `calls, ${name}`,
      value: Math.round(perSecond),
      unit: 'calls/s',
      baseline: `direct: ${Math.round(directly)} calls/s`,
      ratio: perSecond / directly,
    },
  ];
}

interface Sample {
  readonly p50: number;
  readonly p99: number;
  readonly perSecond: number;
}

async function sample(load: Load, options: RunOptions): Promise<Sample> {
  const { latenciesMs, calls, seconds } = await load.run(options);
  return { p50: quantile(latenciesMs, 0.5), p99: quantile(latenciesMs, 0.99), perSecond: calls / seconds };
}

const STEPS: readonly (readonly [histogram: string, step: string])[] = [
  ['hivekey_path_step_seconds{step="resolve"}', 'resolve'],
  ['hivekey_path_step_seconds{step="decide"}', 'decide'],
  ['hivekey_path_step_seconds{step="record"}', 'record: wait for the batch and its commit'],
  ['hivekey_log_commit_seconds', 'of that, the commit'],
  ['hivekey_upstream_seconds', 'forward: the upstream, there and back'],
  ['hivekey_mcp_seconds{method="tools/call",era="modern"}', 'whole request'],
];

/** Means of the server's own histograms over all windows above. */
async function stepTimes({ admin }: Company): Promise<Row[]> {
  const text = await (await admin.stream('GET', '/metrics')).text();
  const read = (name: string, what: 'sum' | 'count'): number => {
    const [base = '', labels = ''] = name.split('{');
    const line = `${base}_${what}${labels === '' ? '' : `{${labels}`} `;
    return Number(
      text
        .split('\n')
        .find((each) => each.startsWith(line))
        ?.slice(line.length),
    );
  };
  return STEPS.map(([name, step]) => ({
    measure: `step: ${step}, mean`,
    value: (read(name, 'sum') / read(name, 'count')) * 1e6,
    unit: 'µs',
  }));
}
