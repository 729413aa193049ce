/** Prometheus metrics. Labels are bounded: never an agent, a tool or an address. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { McpObserver } from '../gateway/mcp/index.ts';
import type { PathObserver } from '../path/index.ts';
import { createSinkMetrics, type SinkObserver } from './sink-metrics.ts';

const SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];

export interface LogObserver {
  committed(records: number, seconds: number): void;
  queued(length: number): void;
  sealed(entries: number, lagSeconds: number): void;
  failed(what: 'commit' | 'seal' | 'project' | 'checkpoint_copy'): void;
}

export interface Metrics {
  readonly registry: Registry;
  readonly path: PathObserver;
  readonly log: LogObserver;
  readonly sinks: SinkObserver;
  readonly mcp: McpObserver;
  /** HTTP requests of the API by route and status class. */
  http(route: string, status: number, seconds: number): void;
  /** A gauge read at scrape time. */
  gauge(name: string, help: string, read: () => number): void;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const decisions = new Counter({
    name: 'hivekey_decisions_total',
    help: 'Decisions recorded.',
    labelNames: ['verdict', 'reason_class', 'entrance'],
    registers,
  });
  const shadows = new Counter({
    name: 'hivekey_shadow_decisions_total',
    help: 'Decisions that guards in shadow would have made stricter, by verdict and by what it would have been.',
    labelNames: ['verdict', 'shadow'],
    registers,
  });
  const credentials = new Counter({
    name: 'hivekey_refused_credentials_total',
    help: 'Requests refused for their credential.',
    labelNames: ['code'],
    registers,
  });
  const unavailable = new Counter({
    name: 'hivekey_unavailable_total',
    help: 'Actions refused because they could not be decided or recorded.',
    labelNames: ['code'],
    registers,
  });
  const steps = new Histogram({
    name: 'hivekey_path_step_seconds',
    help: 'Time of each step of the path.',
    labelNames: ['step'],
    buckets: SECONDS,
    registers,
  });
  const outcomes = new Counter({
    name: 'hivekey_outcomes_total',
    help: 'How permitted calls ended.',
    labelNames: ['result'],
    registers,
  });
  const upstream = new Histogram({
    name: 'hivekey_upstream_seconds',
    help: 'Time upstreams took.',
    buckets: SECONDS,
    registers,
  });
  const records = new Counter({ name: 'hivekey_log_records_total', help: 'Records made durable.', registers });
  const commits = new Histogram({
    name: 'hivekey_log_commit_seconds',
    help: 'Time of a log commit.',
    buckets: SECONDS,
    registers,
  });
  const queue = new Gauge({ name: 'hivekey_log_queue', help: 'Records waiting for a commit.', registers });
  const sealed = new Counter({ name: 'hivekey_log_sealed_total', help: 'Entries sealed into the tree.', registers });
  const sealLag = new Gauge({
    name: 'hivekey_log_seal_lag_seconds',
    help: 'Age of the oldest unsealed block at the last sealing.',
    registers,
  });
  const failures = new Counter({
    name: 'hivekey_log_failures_total',
    help: 'Failures of the log by part.',
    labelNames: ['part'],
    registers,
  });
  const http = new Histogram({
    name: 'hivekey_http_seconds',
    help: 'API requests.',
    labelNames: ['route', 'status'],
    buckets: SECONDS,
    registers,
  });

  const mcp = new Histogram({
    name: 'hivekey_mcp_seconds',
    help: 'MCP requests, by method of the protocol.',
    labelNames: ['method', 'era'],
    buckets: SECONDS,
    registers,
  });

  return {
    registry,
    path: {
      decided: (verdict, reasonClass, entrance) => decisions.inc({ verdict, reason_class: reasonClass, entrance }),
      shadowed: (verdict, shadow) => shadows.inc({ verdict, shadow }),
      refusedCredential: (code) => credentials.inc({ code }),
      unavailable: (code) => unavailable.inc({ code }),
      step: (step, seconds) => steps.observe({ step }, seconds),
      settled: (result, seconds) => {
        outcomes.inc({ result });
        if (seconds !== undefined) upstream.observe(seconds);
      },
    },
    log: {
      committed: (count, seconds) => {
        records.inc(count);
        commits.observe(seconds);
      },
      queued: (length) => queue.set(length),
      sealed: (entries, lagSeconds) => {
        sealed.inc(entries);
        sealLag.set(lagSeconds);
      },
      failed: (part) => failures.inc({ part }),
    },
    sinks: createSinkMetrics(registry),
    mcp: { answered: (method, era, seconds) => mcp.observe({ method, era }, seconds) },
    http: (route, status, seconds) => http.observe({ route, status: `${Math.floor(status / 100)}xx` }, seconds),
    gauge: (name, help, read) => {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    },
  };
}
