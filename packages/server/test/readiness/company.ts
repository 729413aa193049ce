/** A workspace with two days that have all that controls are tested by, written straight into the tables. */
import { createHash } from 'node:crypto';
import pg, { type PoolClient } from 'pg';
import { createTestDatabase, type TestDatabase } from '../../../../test/setup/database.ts';
import type { WorkspaceId } from '../../src/ids.ts';
import type { Instant } from '../../src/readiness/scope.ts';

export const PERIOD = { from: '2026-07-01T00:00:00.000Z', to: '2026-07-03T00:00:00.000Z' };
const AS_OF = '2026-07-05T00:00:00.000Z';
export const WORKSPACE = 'wsp_acme' as WorkspaceId;
export const POLICY = `sha256:${'a'.repeat(64)}`;

type Value = string | number | boolean | null | Buffer | readonly unknown[] | { readonly [name: string]: unknown };
type Row = Readonly<Record<string, Value>>;

/** A connection that may write anything, whatever keys and triggers say: what somebody with the database's own rights can do. */
export class Company {
  readonly client: pg.Client;
  readonly #database: TestDatabase;
  readonly #role: string;

  private constructor(database: TestDatabase, client: pg.Client) {
    this.#database = database;
    this.client = client;
    this.#role = `hivekey_app_${new URL(database.ownerUrl).pathname.slice(1)}`;
  }

  static async create(): Promise<Company> {
    const database = await createTestDatabase();
    const client = new pg.Client({ connectionString: database.ownerUrl });
    await client.connect();
    await client.query('SET session_replication_role = replica');
    return new Company(database, client);
  }

  async insert(table: string, ...rows: readonly Row[]): Promise<void> {
    for (const row of rows) {
      const all = { workspace_id: WORKSPACE, ...row };
      const names = Object.keys(all).map((name) => `"${name}"`);
      await this.client.query(
        `INSERT INTO ${table} (${names.join(', ')}) OVERRIDING SYSTEM VALUE VALUES (${names.map((_, i) => `$${i + 1}`).join(', ')})`,
        Object.values(all).map((value) => (isDocument(value) ? JSON.stringify(value) : value)),
      );
    }
  }

  /** Whatever `work` writes is not there afterwards. Given an instant, as the application's own role reads it. */
  async tried<T>(work: () => Promise<void>, read: (instant: Instant) => Promise<T>): Promise<T> {
    await this.client.query('BEGIN');
    try {
      await work();
      await this.client.query(`SET LOCAL ROLE ${this.#role}`);
      // What is asked of a client of a pool here is what every client has.
      const client = this.client as unknown as PoolClient;
      return await read({ client, workspaceId: WORKSPACE, asOf: AS_OF });
    } finally {
      await this.client.query('ROLLBACK');
    }
  }

  async close(): Promise<void> {
    await this.client.end();
    await this.#database.close();
  }
}

/** Lists of words are arrays of PostgreSQL, and whatever else has parts is JSON. */
function isDocument(value: Value): boolean {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return false;
  return !(Array.isArray(value) && value.every((each) => typeof each !== 'object'));
}

interface Entry {
  readonly eventId: string;
  readonly kind: string;
  readonly ts: string;
  readonly record: Readonly<Record<string, unknown>>;
  readonly seq: number;
  readonly prev: Buffer;
  readonly entryHash: Buffer;
  readonly hash: Buffer;
}

const ADD = `
INSERT INTO actions (workspace_id, seq, ts, event_id, kind, agent_id, agent, agent_seq, owner, action, verdict, reason_class, policy, shard_id,
                     shard_seq, entry_hash, prev_hash, hash, record)
SELECT $1, e.seq, e.ts, e.record ->> 'event_id', e.record ->> 'kind', e.record ->> 'agent_id', e.record ->> 'agent',
       (e.record ->> 'agent_seq')::bigint, e.record ->> 'owner', e.record ->> 'action', e.record ->> 'verdict',
       e.record ->> 'reason_class', e.record ->> 'policy', 'n1', e.seq, e.entry_hash, e.prev_hash, e.hash, e.record
  FROM unnest($2::bigint[], $3::timestamptz[], $4::bytea[], $5::bytea[], $6::bytea[], $7::jsonb[])
    AS e (seq, ts, entry_hash, prev_hash, hash, record)`;

/** Entries of the log, chained as the log chains them. */
export class Log {
  readonly #company: Company;
  #pending: Entry[] = [];
  #seq = 0;
  #head: Buffer = Buffer.alloc(32);

  constructor(company: Company) {
    this.#company = company;
  }

  /** Id of the event. Written by `flush`. */
  add(kind: string, ts: string, record: Readonly<Record<string, unknown>> = {}): string {
    this.#seq += 1;
    const eventId = `evt_${String(this.#seq).padStart(4, '0')}`;
    const entryHash = createHash('sha256').update(eventId).digest();
    const prev = this.#head;
    this.#head = createHash('sha256').update(prev).update(entryHash).digest();
    const full = { kind, ts, event_id: eventId, env: 'prod', ...record };
    this.#pending.push({ eventId, kind, ts, record: full, seq: this.#seq, prev, entryHash, hash: this.#head });
    return eventId;
  }

  /** Leaves a number out. */
  skip(): void {
    this.#seq += 1;
  }

  /** What comes next follows from something else than what was there. */
  forge(): void {
    this.#head = Buffer.alloc(32, 7);
  }

  async flush(): Promise<void> {
    const all = this.#pending;
    this.#pending = [];
    await this.#company.client.query(ADD, [
      WORKSPACE,
      all.map(({ seq }) => seq),
      all.map(({ ts }) => ts),
      all.map(({ entryHash }) => entryHash),
      all.map(({ prev }) => prev),
      all.map(({ hash }) => hash),
      all.map(({ record }) => JSON.stringify(record)),
    ]);
  }

  /** As it is now again, once what was added is taken back. */
  mark(): () => void {
    const [seq, head] = [this.#seq, this.#head];
    return () => {
      this.#seq = seq;
      this.#head = head;
    };
  }
}
