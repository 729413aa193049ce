/** A clock for a server and its database that a builder of sample data sets: it only goes forward. */
import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import pg from 'pg';
import type { ClockMove } from './process-clock.ts';

const SCHEMA = new URL('./simulated-clock.sql', import.meta.url);

const LOOK_AGAIN_MS = 2;
const LOOKS = 10;
/** So often in a row nothing is asked of the database: then what upkeep began is over, or waits for the clock. */
const QUIET_LOOKS = 3;
const MOST_LOOKS = 1_000;
const STALLED_AFTER = 20;
const STALLED_MS = 5_000;

/**
 * The log's writer in the middle of a batch, or a result that is still to be recorded, would be older than what comes after. A
 * stop or a rehearsal that is under way would have taken as long as the clock moves.
 */
const MOVE = `
UPDATE simulated.clock SET ahead = make_interval(secs => $1)
 WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'hivekey-log' AND state <> 'idle')
   AND NOT EXISTS (SELECT FROM permits WHERE state <> 'open' AND NOT recorded)
   AND NOT EXISTS (SELECT FROM containments WHERE effective_at IS NULL AND ordered_at > clock_timestamp() - interval '1 hour')
   AND NOT EXISTS (SELECT FROM rehearsals WHERE ended_at IS NULL AND started_at > clock_timestamp() - interval '1 hour')`;

/** What waits for news, as streams do, looks at its clock when there are some. */
const NEWS = "SELECT pg_notify('hivekey_log', json_build_object('workspace', id)::text) FROM workspaces";

const IS_QUIET = `
SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'
                      AND pid <> pg_backend_pid() AND state <> 'idle') AS quiet`;

const FOLLOWED = `
WITH sealed AS (
  SELECT w.id AS workspace_id, coalesce((SELECT first_global_seq + count - 1 FROM log_seals l WHERE l.workspace_id = w.id
                                          ORDER BY first_global_seq DESC LIMIT 1), 0) AS size FROM workspaces w)
SELECT NOT EXISTS (SELECT FROM log_shards s WHERE s.next_block > 1 + coalesce(
         (SELECT max(l.block) FROM log_seals l WHERE l.workspace_id = s.workspace_id AND l.shard_id = s.shard_id), 0))
   AND NOT EXISTS (SELECT FROM sealed WHERE size >= (SELECT p.next_seq FROM projection_cursor p WHERE p.workspace_id = sealed.workspace_id)
                      OR size > (SELECT min(t.cursor_seq) FROM sink_streams t JOIN sinks k ON k.workspace_id = t.workspace_id AND k.id = t.sink_id
                                  WHERE t.workspace_id = sealed.workspace_id AND t.purpose = 'live' AND k.status = 'active'))
   AND NOT EXISTS (SELECT FROM sink_streams t JOIN sinks k ON k.workspace_id = t.workspace_id AND k.id = t.sink_id
                    WHERE t.purpose = 'live' AND k.status = 'active'
                      AND coalesce(t.checkpointed_at, t.created_at) < clock_timestamp() - interval '2 minutes') AS followed`;

/**
 * Makes the database of the URL with a clock of its own in front of PostgreSQL's: before the first migration, so that
 * defaults of columns mean it too.
 */
export async function makeDatabase(ownerUrl: string): Promise<void> {
  const name = new URL(ownerUrl).pathname.slice(1);
  const maintenance = new pg.Client({ connectionString: new URL('/postgres', ownerUrl).href });
  await maintenance.connect();
  await maintenance.query(`CREATE DATABASE ${maintenance.escapeIdentifier(name)}`);
  await maintenance.query(
    `ALTER DATABASE ${maintenance.escapeIdentifier(name)} SET search_path = public, simulated, pg_catalog`,
  );
  await maintenance.end();
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  await client.query(await readFile(SCHEMA, 'utf8'));
  await client.end();
}

export class SimulatedClock {
  readonly #database: pg.Client;
  #server: ChildProcess | undefined;
  #aheadMs = Number.NEGATIVE_INFINITY;
  #moves = 0;

  private constructor(database: pg.Client) {
    this.#database = database;
  }

  /** Set to a time, epoch milliseconds. */
  static async open(ownerUrl: string, startMs: number): Promise<SimulatedClock> {
    const database = new pg.Client({ connectionString: ownerUrl });
    // One that breaks says so at the next move.
    database.on('error', () => undefined);
    await database.connect();
    // What a crash would lose of it is made anew with the rest.
    await database.query('SET synchronous_commit = off');
    const clock = new SimulatedClock(database);
    clock.#aheadMs = startMs - Date.now();
    await database.query('UPDATE simulated.clock SET ahead = make_interval(secs => $1)', [clock.#aheadMs / 1000]);
    return clock;
  }

  get aheadMs(): number {
    return this.#aheadMs;
  }

  /** Epoch milliseconds. */
  now(): number {
    return Date.now() + this.#aheadMs;
  }

  /** From now on, the process follows; it was started with `process-clock.ts`. */
  async lead(server: ChildProcess): Promise<void> {
    this.#server = server;
    await this.#tell('nothing');
  }

  /** Does nothing when it is later already. `upkeep`: what is due by then is done, behind what follows the log. */
  async moveTo(atMs: number, { upkeep = false } = {}): Promise<void> {
    await this.#advance(atMs);
    if (!upkeep) return;
    // What watches for silence would find that nothing was heard of while the clock moved.
    await this.follow();
    await this.#keepUp();
  }

  async #advance(atMs: number): Promise<void> {
    const aheadMs = atMs - Date.now();
    if (aheadMs <= this.#aheadMs) return;
    this.#aheadMs = aheadMs;
    while (!(await this.#moveDatabase(aheadMs))) await new Promise((resolve) => setTimeout(resolve, 1));
    await this.#tell('nothing');
  }

  async #keepUp(): Promise<void> {
    await this.#tell('upkeep');
    for (let looks = 0, quiet = 0; looks < MOST_LOOKS && quiet < QUIET_LOOKS; looks += 1) {
      const { rows } = await this.#database.query<{ quiet: boolean }>({ name: 'is quiet', text: IS_QUIET });
      quiet = rows[0]?.quiet === true ? quiet + 1 : 0;
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  }

  /** Until all that is recorded was sealed, projected and taken by sinks. */
  async follow(): Promise<void> {
    for (let rounds = 1; ; rounds += 1) {
      // What broke off is taken up again when its lease has run out, which takes time.
      if (rounds % STALLED_AFTER === 0) {
        await this.#advance(this.now() + STALLED_MS);
        await this.#keepUp();
      } else {
        await this.#tell('pauses');
        if (rounds > 1) await this.#database.query(NEWS);
      }
      for (let looks = 0; looks < LOOKS; looks += 1) {
        if (await this.#hasFollowed()) return;
        await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
      }
    }
  }

  async #hasFollowed(): Promise<boolean> {
    const { rows } = await this.#database.query<{ followed: boolean }>({ name: 'followed', text: FOLLOWED });
    return rows[0]?.followed === true;
  }

  /** For conditions that no route tells. */
  async ask<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return (await this.#database.query<Row>(text, [...values])).rows;
  }

  /** The real clock again, which must not be behind. */
  async close(): Promise<void> {
    if (this.#aheadMs > 0) throw new Error('the sample lies in the future: the real clock would step back');
    await this.#database.query("UPDATE simulated.clock SET ahead = '0'");
    await this.#database.end();
  }

  async #moveDatabase(aheadMs: number): Promise<boolean> {
    const { rowCount } = await this.#database.query({ name: 'move', text: MOVE, values: [aheadMs / 1000] });
    return rowCount === 1;
  }

  async #tell(runs: ClockMove['runs']): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#moves += 1;
    const move: ClockMove = { move: this.#moves, aheadMs: this.#aheadMs, runs };
    await new Promise<void>((resolve, reject) => {
      const heard = (answer: Pick<ClockMove, 'move'>): void => {
        if (answer.move !== move.move) return;
        server.off('message', heard);
        server.off('exit', gone);
        resolve();
      };
      const gone = (): void => reject(new Error('the server ended'));
      server.once('exit', gone);
      server.on('message', heard);
      server.send(move, (error) => error === null || reject(error));
    });
  }
}
