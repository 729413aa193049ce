import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Fault } from '../../../../test/receivers/receiver.ts';
import { eventually, startWorkspace, type Workspace } from '../actions/workspace.ts';
import {
  datadog,
  elasticsearch,
  openSearch,
  otlp,
  type Running,
  secops,
  sentinel,
  splunk,
} from './receivers/http-kinds.ts';

/** Sinks are named after these, and kinds are those of the registry. */
const KINDS = {
  splunk: { start: splunk, kind: 'splunk', confirms: true },
  elasticsearch: { start: elasticsearch, kind: 'elastic', confirms: true },
  opensearch: { start: openSearch, kind: 'elastic', confirms: true },
  otlp: { start: otlp, kind: 'otlp', confirms: false },
  sentinel: { start: sentinel, kind: 'sentinel', confirms: false },
  secops: { start: secops, kind: 'secops', confirms: false },
  datadog: { start: () => datadog({ clock: Date.now }), kind: 'datadog', confirms: false },
} as const;
const NAMES = Object.keys(KINDS).filter((name): name is keyof typeof KINDS => Object.hasOwn(KINDS, name));

/** What passes by itself; `half` would have OTLP drop records for good. */
const PASSING: readonly Fault[] = [
  'unavailable',
  'html_error',
  'html_success',
  'cut_before',
  'cut_after',
  'slow',
  'huge',
];

const CLIENTS = [
  '@aws-sdk/client-s3',
  '@azure/identity',
  '@azure/monitor-ingestion',
  '@elastic/elasticsearch',
  '@nats-io/jetstream',
  '@nats-io/transport-node',
  '@opensearch-project/opensearch',
  '@opentelemetry/otlp-transformer',
  '@platformatic/kafka',
  'google-auth-library',
];

let workspace: Workspace;
const sinks = new Map<keyof typeof KINDS, Running>();

beforeAll(async () => {
  workspace = await startWorkspace({ upstream_allow: ['127.0.0.1'] });
  for (const name of NAMES) sinks.set(name, await KINDS[name].start());
});
afterAll(async () => {
  await workspace.close();
  for (const sink of sinks.values()) await sink[Symbol.asyncDispose]();
});

test('each receiver has the whole log in the end, however it behaves, and nobody is shown a credential', async () => {
  for (const [name, { secrets, settings, receiver }] of sinks) {
    for (const [ref, value] of Object.entries(secrets)) {
      const secret = `${name}-${ref.slice('vault://'.length)}`;
      await workspace.done('PUT', `/v1/secrets/${secret}`, { value });
    }
    // The same every time: each third delivery goes wrong, each time in another way.
    let delivery = 0;
    const usable = name === 'otlp' ? PASSING.filter((fault) => fault !== 'huge') : PASSING;
    receiver.chance = () => (++delivery % 3 === 0 ? usable[(delivery / 3) % usable.length] : undefined);
    await workspace.done('POST', '/v1/siem/sinks', {
      name,
      kind: KINDS[name].kind,
      settings: JSON.parse(JSON.stringify(settings).replaceAll('vault://', `vault://${name}-`)),
      start: { seq: 1 },
      limits: { events: 10 },
    });
  }
  for (let each = 0; each < 60; each += 1)
    await workspace.done('PUT', `/v1/secrets/note-${each}`, { value: 'x'.repeat(20) });

  const shown: unknown[] = [];
  for (const name of NAMES) {
    const sink = await eventually(async () => {
      const { body } = await workspace.call('GET', `/v1/siem/sinks/${name}`);
      shown.push(body);
      return body.cursor_seq >= 70 && body.backlog_events === 0 ? body : undefined;
    });
    expect([name, sink.hold, sink.dead_letters]).toEqual([name, null, 0]);
    expect(sink.retries).toBeGreaterThan(0);
    expect(sink.acknowledgement.confirmed).toBe(KINDS[name].confirms);
    expect(sink.state).toBe(KINDS[name].confirms ? 'healthy' : 'unconfirmed');
    const { receiver } = sinks.get(name) ?? { receiver: undefined };
    const seqs = new Set(receiver?.events.flatMap(({ seq }) => seq ?? []));
    for (let seq = 1; seq <= sink.cursor_seq; seq += 1) expect([name, seq, seqs.has(seq)]).toEqual([name, seq, true]);
    const { body: ledger } = await workspace.call('GET', `/v1/siem/sinks/${name}/ledger?prove=true`);
    shown.push(ledger, (await workspace.call('GET', `/v1/siem/sinks/${name}/dead-letters`)).body);
    shown.push((await workspace.call('GET', `/v1/siem/sinks/${name}/completeness`)).body);
  }
  const { body: events } = await workspace.call('GET', '/v1/audit/events?limit=200');
  const text = JSON.stringify([shown, events]);
  for (const { secrets } of sinks.values())
    for (const value of Object.values(secrets)) expect(text).not.toContain(JSON.stringify(value).slice(1, -1));
  expect(text).not.toMatch(/entra-token|google-token|PRIVATE KEY/);
});

test('no client is loaded before a sink of its kind is opened', () => {
  const registry = fileURLToPath(new URL('../../src/siem/registry.ts', import.meta.url));
  // Prints what is imported by a name of npm, once each.
  const program = `
    import { registerHooks } from 'node:module';
    const seen = new Set();
    registerHooks({ resolve: (name, context, next) => (seen.add(name), next(name, context)) });
    await import(${JSON.stringify(registry)});
    console.log(JSON.stringify([...seen].filter((name) => !/^(?:node:|[./])/.test(name))));
  `;
  const printed = execFileSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' });
  const loaded: unknown = JSON.parse(printed);
  expect(loaded).toContain('zod');
  for (const client of CLIENTS) expect(loaded).not.toContain(client);
});
