/**
 * A receiver is away for an hour of simulated traffic; the node that sends to it is killed meanwhile, and killed again
 * while it catches up with a receiver that fails at every fifth request. The records carry simulated times, the server,
 * the database, the sink and the receiver are those that people run.
 */
import { createHash, randomBytes } from 'node:crypto';
import pg from 'pg';
import { openDatabase } from '../../packages/server/src/database/index.ts';
import { loadServerKeys } from '../../packages/server/src/identity/keys.ts';
import type { WorkspaceId } from '../../packages/server/src/ids.ts';
import { createActionLog } from '../../packages/server/src/log/index.ts';
import { administer, eventually } from '../../packages/server/test/actions/workspace.ts';
import type { Fault } from '../receivers/receiver.ts';
import { startWebhook, type WebhookReceiver } from '../receivers/webhook.ts';
import { freePort, type ServerProcess, startProcess } from './process.ts';

const FAULTS: readonly Fault[] = ['unavailable', 'cut_before', 'cut_after', 'half', 'html_error'];
/** Actor of the records. */
const LOAD = 'key:load';
/** Records that wait for one commit. */
const AT_ONCE = 500;
const PATIENCE_MS = 30 * 60_000;

export interface OutageOptions {
  /** Of the database, which is made anew. */
  readonly databaseUrl: string;
  /** Of the node. */
  readonly folder: string;
  readonly records: number;
  readonly perSecond: number;
  /** Of requests, while it catches up. */
  readonly faultRate: number;
  readonly note?: (text: string) => void;
}

export interface OutageReport {
  readonly records: number;
  /** Of the log, from where the sink begins. */
  readonly inLog: number;
  readonly distinct: number;
  readonly lost: number;
  readonly duplicates: number;
  /** Of one id, with other bytes than before. */
  readonly changed: number;
  /** First arrivals that came behind a later one. */
  readonly outOfOrder: number;
  readonly requests: number;
  readonly kills: number;
  readonly catchUpSeconds: number;
  readonly days: readonly Readonly<Record<string, number | string | boolean | null>>[];
}

/** What arrived, without keeping it: an hour has more than is wanted in memory. */
class Arrivals {
  readonly digests = new Map<string, string>();
  duplicates = 0;
  changed = 0;
  outOfOrder = 0;
  #highest = 0;

  add({ id, seq, event }: { readonly id: string; readonly seq: number | undefined; readonly event: unknown }): void {
    const digest = createHash('sha256').update(JSON.stringify(event)).digest('base64').slice(0, 16);
    const before = this.digests.get(id);
    if (before === undefined) {
      this.digests.set(id, digest);
      if (seq === undefined) return;
      if (seq < this.#highest) this.outOfOrder += 1;
      this.#highest = Math.max(this.#highest, seq);
      return;
    }
    this.duplicates += 1;
    if (before !== digest) this.changed += 1;
  }
}

export async function runOutage(options: OutageOptions): Promise<OutageReport> {
  const { databaseUrl, folder, records, perSecond, faultRate, note = () => undefined } = options;
  const spanMs = (records / perSecond) * 1000;
  const [port, receiverPort] = [await freePort(), await freePort()];
  const settings = { HIVEKEY_DATABASE_URL: databaseUrl };
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  let node = await startProcess(folder, port, settings);
  const office = administer(node);
  await office.done('PUT', '/v1/secrets/siem', { value: secret });
  const writing = write({ databaseUrl, folder, records, perSecond }, note);
  // With an entry of now before it, nothing of the hour would be the oldest that waited.
  const first = await eventually(() => as(databaseUrl, firstOfLoad), PATIENCE_MS);
  const { body: sink } = await office.done('POST', '/v1/siem/sinks', {
    name: 'siem',
    kind: 'webhook',
    settings: { url: `http://127.0.0.1:${receiverPort}/hook`, signing_secret_refs: ['vault://siem'] },
    start: { seq: first },
  });
  // It has been there since the hour began.
  await as(databaseUrl, (client) =>
    client.query('UPDATE sink_streams SET created_at = now() - make_interval(secs => $1)', [spanMs / 1000]),
  );

  await eventually(async () => ((await writing.written()) >= records / 3 ? true : undefined), PATIENCE_MS);
  await node.kill('SIGKILL');
  note('killed while the receiver is away');
  await writing.done;
  node = await startProcess(folder, port, settings);

  const arrivals = new Arrivals();
  const receiver = await startWebhook([secret], {
    port: receiverPort,
    keep: false,
    onEvent: (event) => arrivals.add(event),
  });
  let requests = 0;
  const random = randomOf(20_261_126);
  receiver.chance = () => {
    requests += 1;
    return random() < faultRate ? FAULTS[Math.floor(random() * FAULTS.length)] : undefined;
  };
  const startedMs = performance.now();
  try {
    await eventually(async () => (arrivals.digests.size >= records / 3 ? true : undefined), PATIENCE_MS);
    await node.kill('SIGKILL');
    note('killed while it catches up');
    node = await startProcess(folder, port, settings);
    return await conclude({ node, receiver, arrivals, sink, records, startedMs, requests: () => requests });
  } finally {
    await node.kill('SIGTERM');
    await receiver[Symbol.asyncDispose]();
  }
}

async function conclude({
  node,
  arrivals,
  sink,
  records,
  startedMs,
  requests,
}: {
  readonly node: ServerProcess;
  readonly receiver: WebhookReceiver;
  readonly arrivals: Arrivals;
  readonly sink: { readonly id: string; readonly from_seq: number };
  readonly records: number;
  readonly startedMs: number;
  readonly requests: () => number;
}): Promise<OutageReport> {
  const office = administer(node);
  await eventually(async () => {
    const { body } = await office.call('GET', `/v1/siem/sinks/${sink.id}`);
    return body.cursor_seq >= sink.from_seq + records && body.backlog_events === 0 ? true : undefined;
  }, PATIENCE_MS);
  const catchUpSeconds = (performance.now() - startedMs) / 1000;
  const pause = await office.done('POST', `/v1/siem/sinks/${sink.id}/pause`, { reason: 'to count' });
  const { body: ledger } = await office.call('GET', `/v1/siem/sinks/${sink.id}/ledger`);
  const cursorSeq: number = pause.body.cursor_seq;
  const inLog = cursorSeq - sink.from_seq + 1;
  const entries = [...arrivals.digests.keys()].filter((id) => id.startsWith('evt_')).length;
  return {
    records,
    inLog,
    distinct: entries,
    lost: inLog - entries,
    duplicates: arrivals.duplicates,
    changed: arrivals.changed,
    outOfOrder: arrivals.outOfOrder,
    requests: requests(),
    kills: 2,
    catchUpSeconds,
    days: ledger.data,
  };
}

/** Another node of the same log, which records as fast as it can, at times that are as far apart as they should be. */
function write(
  { databaseUrl, folder, records, perSecond }: Pick<OutageOptions, 'databaseUrl' | 'folder' | 'records' | 'perSecond'>,
  note: (text: string) => void,
): { readonly done: Promise<void>; written(): Promise<number> } {
  let written = 0;
  const work = async (): Promise<void> => {
    const keys = loadServerKeys(folder, undefined);
    const database = await openDatabase({ ownerUrl: databaseUrl, roleKey: keys.databaseRole });
    const beginMs = Date.now() - (records / perSecond) * 1000;
    const log = await createActionLog({
      pool: database.pool,
      connectionString: database.url,
      nodeId: 'node_outage',
      signingKey: keys.signing,
      clock: () => Math.floor(beginMs + (written / perSecond) * 1000),
      limits: { timeoutMs: 60_000 },
    });
    try {
      const { rows } = await database.pool.query<{ id: WorkspaceId }>('SELECT id FROM workspaces');
      const [workspace] = rows;
      if (workspace === undefined) throw new Error('there is no workspace');
      while (written < records) {
        const many = Math.min(AT_ONCE, records - written);
        await Promise.all(
          Array.from({ length: many }, () =>
            log.record(workspace.id, { kind: 'log.read', actor: LOAD, read: 'list', selection: 'x'.repeat(600) }),
          ),
        );
        written += many;
        if (written % 360_000 < AT_ONCE) note(`${written} recorded`);
      }
      await log.catchUp(workspace.id);
    } finally {
      await log.close();
      await database.close();
    }
  };
  return { done: work(), written: async () => written };
}

async function firstOfLoad(client: pg.Client): Promise<number | undefined> {
  const { rows } = await client.query<{ first: number | null }>(
    `SELECT min(seq)::float8 AS first FROM actions WHERE record ->> 'actor' = $1`,
    [LOAD],
  );
  return rows[0]?.first ?? undefined;
}

async function as<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Mulberry32: the same numbers at each run. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
