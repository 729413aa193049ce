/** The log on its way to receivers of a SIEM: how fast what is there goes out, and how late what comes. */
import { mapItem, type StreamEntry } from '@hivekey/siem';
import pg from 'pg';
// The server first: its parts know each other in circles, which can be entered there.
import '../../packages/server/src/server.ts';
import type { WorkspaceId } from '../../packages/server/src/ids.ts';
import { SEALED_CHANNEL } from '../../packages/server/src/log/sealer.ts';
import { storedEntries } from '../../packages/server/src/log/stored-entries.ts';
import { entryOf } from '../../packages/server/src/siem/entry.ts';
import { SINK_TYPES } from '../../packages/server/src/siem/registry.ts';
import { type Company, echoCall, type Ground, openCompany } from '../company.ts';
import { type Load, openLoad, quantile } from '../load.ts';
import { KINDS, type Kind, openPlace, type Place } from '../receivers.ts';
import { atLeast, atMost, type Row, rounded } from '../rows.ts';
import type { Effort } from '../run.ts';

const CONNECTIONS = 16;
/** Each has a record and one of its result. */
const CALLS = 10_000;
const CALLS_A_SECOND = 500;
const WINDOWS = 5;
const PATIENCE_MS = 120_000;
const LOOK_EVERY_MS = 20;
/** Of the log, mapped again and again for the baseline. */
const MAPPED_ENTRIES = 2_000;
/** Of each of the two windows of the baseline, before and behind that of the sink. */
const MAPPING_MS = 200;

interface Bench extends Pick<Company, 'admin' | 'gateways'> {
  readonly log: Log;
  readonly load: Load;
  readonly place: Place;
  /** Of the log at the beginning. */
  readonly entries: readonly StreamEntry[];
}

export async function benchSinks(ground: Ground, { windowSeconds, scale }: Effort): Promise<Row[]> {
  const place = await openPlace(await ground.folder());
  const company = await openCompany(ground, { settings: { HIVEKEY_SINK_FILES: place.files } });
  const load = openLoad(echoCall(company.gateways[0]?.port ?? 0, await company.addAgent('siem-bot')), CONNECTIONS);
  const log = await Log.open(company.database);
  try {
    await load.run({ calls: CALLS * scale });
    const size = await log.sealedSize();
    const { admin, gateways } = company;
    const bench: Bench = { admin, gateways, log, load, place, entries: await log.first(MAPPED_ENTRIES) };
    const rows: Row[] = [];
    for (const kind of KINDS) rows.push(...(await benchSink(bench, kind, size, windowSeconds * WINDOWS)));
    return rows;
  } finally {
    await log.close();
    await load.close();
    await company.close();
  }
}

/** `count`: of the newest entries, which are sent to it first. */
async function benchSink(bench: Bench, kind: Kind, count: number, seconds: number): Promise<Row[]> {
  const { admin, gateways, log, load, place, entries } = bench;
  const cpuSeconds = (): number => gateways.reduce((sum, each) => sum + each.cpuSeconds(), 0);
  /** Epoch milliseconds of the first arrival of each. */
  const arrivals = new Map<string, number>();
  await using receiver = await kind.start(place, (id) => {
    // Checkpoints are beside the log.
    if (id.startsWith('evt_') && !arrivals.has(id)) arrivals.set(id, Date.now());
  });
  for (const [name, value] of Object.entries(receiver.secrets))
    await admin.request('PUT', `/v1/secrets/${name}`, { body: { value } });
  const mapping = new Mapping(kind, entries);
  mapping.run();
  const first = (await log.sealedSize()) - count + 1;
  const [cpuBefore, orderedMs] = [cpuSeconds(), Date.now()];
  const { id } = await admin.request<{ readonly id: string }>('POST', '/v1/siem/sinks', {
    body: {
      ...{ name: kind.kind, kind: kind.kind, settings: receiver.settings, start: { seq: first } },
      ...(kind.format === undefined ? {} : { format: kind.format }),
      ...(kind.ageMs === undefined ? {} : { limits: { age_ms: kind.ageMs } }),
    },
  });
  try {
    const sent = await arrived(bench, id, kind, first, arrivals);
    const cpuMicroseconds = ((cpuSeconds() - cpuBefore) * 1e6) / sent.length;
    const lastMs = sent.reduce((last, entry) => Math.max(last, arrivals.get(entry.id) ?? 0), 0);
    const perSecond = (sent.length * 1000) / (lastMs - orderedMs);
    mapping.run();
    log.watch();
    await load.run({ seconds, rate: CALLS_A_SECOND });
    const fresh = await arrived(bench, id, kind, (sent.at(-1)?.seq ?? 0) + 1, arrivals);
    const lags = sortedOf(fresh.map((entry) => (arrivals.get(entry.id) ?? 0) - entry.timeMs));
    const sealing = sortedOf(fresh.map((entry) => log.sealedAt(entry.seq) - entry.timeMs));
    const [p50, p99] = [quantile(lags, 0.5), quantile(lags, 0.99)];
    const [sealed50, sealed99] = [quantile(sealing, 0.5), quantile(sealing, 0.99)].map(rounded);
    return [
      {
        measure: `${kind.label}: ${sent.length} entries of the log`,
        value: Math.round(perSecond),
        unit: 'events/s',
        baseline: `mapping alone: ${Math.round(mapping.perSecond)} events/s`,
        ratio: perSecond / mapping.perSecond,
        target: atLeast(5_000, perSecond, 'events/s'),
      },
      {
        measure: `${kind.label}: CPU of the gateway for an event of it`,
        value: cpuMicroseconds,
        unit: 'µs',
        baseline: `mapping alone: ${rounded(mapping.cpuMicroseconds)} µs`,
        ratio: cpuMicroseconds / mapping.cpuMicroseconds,
        target: atMost(200, cpuMicroseconds, 'µs'),
      },
      {
        measure: `${kind.label}: lag at ${2 * CALLS_A_SECOND} events/s`,
        value: p50,
        unit: 'ms',
        p99,
        baseline: `sealing alone: ${sealed50} ms, p99 ${sealed99} ms`,
        ratio: p50 / quantile(sealing, 0.5),
        // Where objects are cut by time, that time is their lag.
        ...(kind.ageMs === undefined
          ? { target: { text: 'p50 ≤ 100 ms, p99 ≤ 1 s', met: p50 <= 100 && p99 <= 1_000 } }
          : {}),
      },
    ];
  } finally {
    await admin.request('DELETE', `/v1/siem/sinks/${id}?reason=measured`);
  }
}

/** All that is in the log now, from a number on, when each has arrived and is settled. Throws when one does not arrive. */
async function arrived(
  { admin, log }: Bench,
  sink: string,
  { label }: Kind,
  first: number,
  arrivals: ReadonlyMap<string, number>,
): Promise<readonly LoggedEntry[]> {
  const until = performance.now() + PATIENCE_MS;
  const size = await log.sealedSize();
  let missing = size - first + 1;
  let cause = 'it does not catch up';
  for (; performance.now() < until; await pause(LOOK_EVERY_MS)) {
    const { cursor_seq: cursor, hold } = await admin.request<{
      readonly cursor_seq: number;
      readonly hold: { readonly cause: string } | null;
    }>('GET', `/v1/siem/sinks/${sink}`);
    if (hold !== null) cause = hold.cause;
    if (hold !== null) break;
    if (cursor < size) continue;
    const entries = await log.entriesOf(first, size);
    missing = size - first + 1 - entries.filter(({ id }) => arrivals.has(id)).length;
    if (missing === 0) return entries;
    cause = 'what it has settled did not arrive';
  }
  throw new Error(`${label}: ${missing} of ${size - first + 1} are missing: ${cause}`);
}

interface LoggedEntry {
  readonly seq: number;
  readonly id: string;
  /** Epoch milliseconds of the record. */
  readonly timeMs: number;
}

/** The log in its database, as the company's only workspace has it. */
class Log {
  readonly #pool: pg.Pool;
  readonly #workspaceId: WorkspaceId;
  /** The size of the log, and when it was known here; ascending. */
  #sealings: { readonly size: number; readonly atMs: number }[] = [];
  /** Of what listens. */
  #release = (): void => undefined;

  private constructor(pool: pg.Pool, workspaceId: WorkspaceId) {
    this.#pool = pool;
    this.#workspaceId = workspaceId;
  }

  static async open(database: string): Promise<Log> {
    const pool = new pg.Pool({ connectionString: database });
    const { rows } = await pool.query<{ id: WorkspaceId }>('SELECT id FROM workspaces');
    const [workspace] = rows;
    if (workspace === undefined) throw new Error('a company has a workspace');
    const log = new Log(pool, workspace.id);
    const listener = await pool.connect();
    listener.on('notification', ({ payload = '' }) => {
      log.#sealings.push({ size: JSON.parse(payload).seq, atMs: Date.now() });
    });
    await listener.query(`LISTEN ${listener.escapeIdentifier(SEALED_CHANNEL)}`);
    log.#release = () => listener.release(true);
    return log;
  }

  async close(): Promise<void> {
    this.#release();
    await this.#pool.end();
  }

  /** From now on, when what is sealed. */
  watch(): void {
    this.#sealings = [];
  }

  /** Epoch milliseconds. */
  sealedAt(seq: number): number {
    let [low, high] = [0, this.#sealings.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sealings[middle]?.size ?? 0) < seq) low = middle + 1;
      else high = middle;
    }
    return this.#sealings[low]?.atMs ?? Number.NaN;
  }

  /** Of everything that is durable when this is called. */
  async sealedSize(): Promise<number> {
    const { rows } = await this.#pool.query<{ size: number }>(
      'SELECT coalesce(sum(count), 0)::float8 AS size FROM log_blocks WHERE workspace_id = $1',
      [this.#workspaceId],
    );
    const size = rows[0]?.size ?? 0;
    const sealed = async (): Promise<boolean> => {
      const { rowCount } = await this.#pool.query(
        'SELECT FROM projection_cursor WHERE workspace_id = $1 AND next_seq > $2',
        [this.#workspaceId, size],
      );
      return rowCount === 1;
    };
    while (!(await sealed())) await pause(LOOK_EVERY_MS);
    return size;
  }

  async entriesOf(first: number, last: number): Promise<readonly LoggedEntry[]> {
    const { rows } = await this.#pool.query<LoggedEntry>(
      `SELECT seq::float8 AS seq, event_id AS id, (extract(epoch FROM ts) * 1000)::float8 AS "timeMs" FROM actions
        WHERE workspace_id = $1 AND seq BETWEEN $2 AND $3 ORDER BY seq`,
      [this.#workspaceId, first, last],
    );
    return rows;
  }

  async first(count: number): Promise<readonly StreamEntry[]> {
    const entries: StreamEntry[] = [];
    for (let next = 1; entries.length < count; next = (entries.at(-1)?.seq ?? next) + 1) {
      const stored = await storedEntries(this.#pool, this.#workspaceId, next);
      if (stored.length === 0) break;
      entries.push(...stored.flatMap((each) => entryOf(each) ?? []));
    }
    return entries.slice(0, count);
  }
}

/** What a sink of a kind sends, made in this process and sent to nobody. */
class Mapping {
  readonly #map: (entry: StreamEntry) => void;
  readonly #entries: readonly StreamEntry[];
  #mapped = 0;
  #ms = 0;
  #cpuMicroseconds = 0;

  constructor({ kind, format }: Kind, entries: readonly StreamEntry[]) {
    const { formats, raw, compact } = SINK_TYPES[kind];
    const settings = { raw, compact, replayed: false, omit: [] };
    this.#map = (entry) => mapItem(format ?? formats[0], entry, settings);
    this.#entries = entries;
  }

  run(): void {
    const [cpu, start] = [process.cpuUsage(), performance.now()];
    while (performance.now() - start < MAPPING_MS) {
      this.#entries.forEach(this.#map);
      this.#mapped += this.#entries.length;
    }
    this.#ms += performance.now() - start;
    const { user, system } = process.cpuUsage(cpu);
    this.#cpuMicroseconds += user + system;
  }

  get perSecond(): number {
    return (this.#mapped * 1000) / this.#ms;
  }

  get cpuMicroseconds(): number {
    return this.#cpuMicroseconds / this.#mapped;
  }
}

function sortedOf(values: readonly number[]): Float64Array {
  return Float64Array.from(values).sort();
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
