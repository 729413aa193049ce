/**
 * CPU of one `tools/call` through the gateway, commit excluded: authentication, policy, pinned schema, strict parse,
 * redaction, record and hash chain are on, and the log takes its built blocks as written. Beside it, in windows that
 * take turns: a raw HTTP echo, a proxy made of the SDK, and the proxies that npm has.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Company, echoCall, type Ground, legacyEchoCall, openCompany } from '../company.ts';
import { type Load, type LoadTarget, median, openLoad } from '../load.ts';
import { type Subject, startCommand, startSubject } from '../process.ts';
import { profileSteps } from '../profile.ts';
import { atMost, type Row } from '../rows.ts';
import type { Effort } from '../run.ts';

const CONNECTIONS = 32;
const STDIO_ECHO = fileURLToPath(new URL('../subjects/stdio-echo.ts', import.meta.url));
const require = createRequire(import.meta.url);

/** Until V8 has compiled, given up and compiled again what is hot. */
const WARM_UP_WINDOWS = 6;

interface Contestant {
  readonly name: string;
  readonly subject: Subject;
  /** Calls in one window: about half a second of its CPU, for the clock has ticks of 10 ms. */
  readonly calls: number;
  readonly load: Load;
  readonly microseconds: number[];
}

export async function benchGatewayCost(ground: Ground, { runs, scale }: Effort): Promise<Row[]> {
  const company = await openCompany(ground);
  const closers = [() => company.close()];
  try {
    const [gateway] = company.gateways;
    if (gateway === undefined) throw new Error('no gateway');
    const token = await company.addAgent('echo-bot');
    await gateway.ask('commit off');
    const raw = await start(
      'raw node:http echo',
      16_000,
      startSubject(new URL('../subjects/raw-echo.ts', import.meta.url)),
      echoCall,
    );
    const hivekey = contestant('gateway', 6_000, gateway, echoCall(gateway.port, token));
    const sdk = await start('SDK client and server', 600, startSdkProxy(company), echoCall);
    const peers = [
      await start(`mcp-proxy ${versionOf('mcp-proxy')}, session`, 1_500, startMcpProxy(), legacyEchoCall),
      await start(`mcp-proxy ${versionOf('mcp-proxy')}, stateless`, 1_500, startMcpProxy(), echoCall),
      await start(`supergateway ${versionOf('supergateway')}, session`, 1_500, startSupergateway(), legacyEchoCall),
    ];
    const others = [raw, sdk, ...peers];
    closers.push(
      ...others.map(
        ({ subject }) =>
          () =>
            subject.stop(),
      ),
    );
    const all = [raw, hivekey, sdk, ...peers];
    closers.unshift(
      ...all.map(
        ({ load }) =>
          () =>
            load.close(),
      ),
    );
    for (const { load, calls } of all) await load.run({ calls: calls * WARM_UP_WINDOWS * scale });
    for (let run = 0; run < runs; run += 1) for (const each of all) await measure(each, scale);

    const cpu = costOf(hivekey);
    const best = peers.reduce((least, peer) => (costOf(peer) < costOf(least) ? peer : least));
    const measureName = 'tools/call, CPU, commit excluded';
    const against = (other: Contestant, target: Row['target'], suffix: string): Row => ({
      measure: `${measureName}${suffix}`,
      value: cpu,
      unit: 'µs',
      baseline: `${other.name}: ${Math.round(costOf(other))} µs`,
      ratio: cpu / costOf(other),
      ...(target === undefined ? {} : { target }),
    });
    const rows = [
      against(raw, atMost(3.5, cpu / costOf(raw), 'ratio'), ''),
      against(sdk, { text: 'ratio ≤ 1/12', met: cpu / costOf(sdk) <= 1 / 12 }, ', against the SDK as proxy'),
      against(best, { text: 'ratio ≤ 1/5', met: cpu / costOf(best) <= 1 / 5 }, ', against the best npm peer'),
      ...peers.filter((peer) => peer !== best).map((peer) => against(peer, undefined, ', against another npm peer')),
    ];
    return [...rows, ...(await profileSteps(ground, gateway, () => hivekey.load.run({ calls: 20_000 * scale }), cpu))];
  } finally {
    for (const close of closers) await close();
  }
}

function costOf({ microseconds }: Contestant): number {
  return median(microseconds);
}

async function measure({ subject, load, calls, microseconds }: Contestant, scale: number): Promise<void> {
  const before = subject.cpuSeconds();
  const done = await load.run({ calls: calls * scale });
  microseconds.push(((subject.cpuSeconds() - before) * 1e6) / done.calls);
}

function contestant(name: string, calls: number, subject: Subject, target: LoadTarget): Contestant {
  return { name, calls, subject, load: openLoad(target, CONNECTIONS), microseconds: [] };
}

async function start(
  name: string,
  calls: number,
  starting: Promise<Subject>,
  target: (port: number) => LoadTarget | Promise<LoadTarget>,
): Promise<Contestant> {
  const subject = await starting;
  return contestant(name, calls, subject, await target(subject.port));
}

function startSdkProxy({ upstreamPort }: Company): Promise<Subject> {
  const upstream = `http://127.0.0.1:${upstreamPort}/mcp`;
  return startSubject(new URL('../subjects/sdk-proxy.ts', import.meta.url), [upstream]);
}

function versionOf(name: string): string {
  const { version }: { readonly version: string } = require(`${name}/package.json`);
  return version;
}

function binaryOf(name: string, file: string): string {
  return join(dirname(require.resolve(`${name}/package.json`)), file);
}

function startMcpProxy(): Promise<Subject> {
  const binary = binaryOf('mcp-proxy', 'dist/bin/mcp-proxy.mjs');
  return startCommand((port) => [
    binary,
    ...['--server', 'stream', '--no-eventStore', '--host', '127.0.0.1', '--port', String(port)],
    ...['--', process.execPath, STDIO_ECHO],
  ]);
}

function startSupergateway(): Promise<Subject> {
  const binary = binaryOf('supergateway', 'dist/index.js');
  return startCommand((port) => [
    binary,
    ...['--stdio', `${process.execPath} ${STDIO_ECHO}`, '--outputTransport', 'streamableHttp', '--stateful'],
    ...['--logLevel', 'none', '--port', String(port)],
  ]);
}
