/**
 * Whoever has the application role, and more rights than it has, cannot have a payload leave the log that no record of the
 * signed log lets go, that is too young, or that is held; nor end a hold by themselves.
 */
// Loads the folders in their order.
import '../../src/server.ts';
import { formatHash, rootOf } from '@hivekey/action-log';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId, type PersonId } from '../../src/ids.ts';
import type { RecordDraft, RunningLog } from '../../src/log/index.ts';
import { createFixture, type Fixture } from '../log/fixture.ts';

let fixture: Fixture;
let log: RunningLog;
let owner: pg.Client;
/** The application role, to which somebody has given all rights on these tables. */
let app: pg.Client;
let before: object;
let people: readonly [PersonId, PersonId];

const TABLES = ['log_blocks', 'log_seals', 'log_checkpoints', 'log_absences', 'legal_holds'];

beforeAll(async () => {
  fixture = await createFixture();
  log = await fixture.open();
  owner = new pg.Client({ connectionString: fixture.database.ownerUrl });
  app = new pg.Client({ connectionString: fixture.database.ownerUrl });
  await Promise.all([owner.connect(), app.connect()]);
  const { rows } = await owner.query(`SELECT 'hivekey_app_' || current_database() AS role`);
  before = (
    await owner.query(
      `SELECT has_any_column_privilege($1, 'log_blocks', 'UPDATE') AS blocks, has_column_privilege($1, 'log_seals', 'sealed_at', 'INSERT') AS sealed,
              has_column_privilege($1, 'log_absences', 'entries', 'INSERT') AS entries, has_any_column_privilege($1, 'log_absences', 'UPDATE') AS absences,
              has_column_privilege($1, 'legal_holds', 'until', 'UPDATE') AS ends, has_table_privilege($1, 'legal_holds', 'DELETE') AS holds`,
      [rows[0].role],
    )
  ).rows[0];
  for (const table of TABLES) await owner.query(`GRANT ALL ON ${table} TO ${rows[0].role}`);
  await app.query(`SET ROLE ${rows[0].role}`);
  people = [newId<PersonId>('per'), newId<PersonId>('per')];
  for (const [i, id] of people.entries())
    await owner.query('INSERT INTO people (workspace_id, id, email) VALUES ($1, $2, $3)', [
      fixture.workspaceId,
      id,
      `person-${i}@acme.example`,
    ]);
  for (let n = 0; n < 6; n += 1)
    await log.record(fixture.workspaceId, {
      kind: 'system.started',
      actor: 'system',
      node: `n${n}`,
      session_id: `s${n}`,
    });
  await log.catchUp(fixture.workspaceId);
});
afterAll(async () => {
  await Promise.all([owner.end(), app.end()]);
  await fixture.close();
});

/** The code and the first word of the refusal; `done` where there was none. */
async function attempt(text: string, ...values: readonly unknown[]): Promise<string> {
  return app.query(text, [...values]).then(
    () => 'done',
    (error: pg.DatabaseError) => `${error.code} ${error.message.split(':', 1)[0]}`,
  );
}

/** Writes it to the log, as anybody who runs the server can, and gives its place. */
async function recorded(draft: RecordDraft): Promise<number> {
  const eventId = await log.record(fixture.workspaceId, { actor: 'system', ...draft });
  const seq = await log.placeOf(fixture.workspaceId, eventId);
  if (seq === undefined) throw new Error('it is not in the log');
  return seq;
}

async function letting(entries: string, count: number, change: object = {}) {
  return recorded({ kind: 'log.pruned', entries, count, root: formatHash(rootOf([])), ...change });
}

async function age(): Promise<void> {
  await owner.query("SET session_replication_role = 'replica'");
  await owner.query(`UPDATE log_seals SET sealed_at = sealed_at - interval '50 days'`);
  await owner.query("SET session_replication_role = 'origin'");
}

const absence = (seq: number) =>
  attempt('INSERT INTO log_absences (workspace_id, seq) VALUES ($1, $2)', fixture.workspaceId, seq);
const emptied = (seq: number) =>
  attempt(
    `UPDATE log_blocks b SET records = '', absent = b.count FROM log_seals s
      WHERE s.workspace_id = b.workspace_id AND s.shard_id = b.shard_id AND s.block = b.block AND s.first_global_seq = $1`,
    seq,
  );
const removed = async (seq: number): Promise<readonly number[]> => {
  const { rows } = await app.query('SELECT gone FROM log_remove_payloads($1, $2, 64)', [fixture.workspaceId, seq]);
  return rows[0].gone.map(Number);
};

describe('no payload goes', () => {
  it('without a record, by whatever statement', async () => {
    expect(await emptied(1)).toBe('42501 append_only');
    expect(await attempt(`UPDATE log_blocks SET records = 'x'`)).toBe('42501 append_only');
    expect(await attempt('UPDATE log_blocks SET absent = 1')).toBe('42501 append_only');
    expect(await attempt(`UPDATE log_blocks SET entry_hashes = decode(repeat('00', 32), 'hex')`)).toBe(
      '42501 append_only',
    );
    expect(await attempt('DELETE FROM log_blocks')).toBe('42501 append_only');
    expect(await attempt('TRUNCATE log_blocks CASCADE')).toMatch(/^42501/);
    expect(await attempt('SELECT log_remove_payloads($1, 1, 64)', fixture.workspaceId)).toBe('42501 log_absence');
  });

  it.each<readonly [name: string, make: () => Promise<number>]>([
    ['of a record that is none', async () => recorded({ kind: 'log.read', entries: '1', count: 1 })],
    ['of a record that is not there', async () => 1_000_000],
    ['that is younger than anything may be pruned', () => letting('1', 1)],
    ['by a record that counts wrong', () => letting('1-2', 1)],
    ['by a record about what was not there yet', () => letting('1-99', 99)],
    [
      'by a redaction of one person',
      () => letting('1', 1, { kind: 'log.redacted', requested_by_id: 'per_1', approved_by_id: 'per_1' }),
    ],
    ['by a redaction of nobody', () => letting('1', 1, { kind: 'log.redacted' })],
  ])('%s', async (_name, make) => {
    expect(await absence(await make())).toMatch(/^42501 log_(absence|record_missing)$/);
  });

  it('by what somebody writes into the table, since all of it is read from the log', async () => {
    const seq = await letting('2', 1);
    await age();
    expect(
      await attempt(
        `INSERT INTO log_absences (workspace_id, seq, event_id, kind, entries, ts, workspace, env) VALUES ($1, $2, 'e', 'log.redacted', '{[1,100)}', '', '', '')`,
        fixture.workspaceId,
        seq,
      ),
    ).toBe('done');
    const { rows } = await app.query('SELECT entries::text, kind FROM log_absences WHERE seq = $1', [seq]);
    expect(rows).toEqual([{ entries: '{[2,3)}', kind: 'log.pruned' }]);
    expect(await attempt(`UPDATE log_absences SET entries = '{[1,100)}'`)).toBe('42501 append_only');
    expect(await attempt('DELETE FROM log_absences')).toBe('42501 append_only');
    expect(await attempt('TRUNCATE log_absences')).toBe('42501 append_only');
    expect(await emptied(1)).toBe('42501 append_only');
  });

  it('but those that the record names', async () => {
    const seq = await letting('2-3', 2);
    await age();
    expect(await absence(seq)).toBe('done');
    expect(await emptied(4)).toBe('42501 append_only');
    expect(await removed(seq)).toEqual([2, 3]);
    expect(await removed(seq)).toEqual([]);
    // What let them go is let go by nothing.
    const evidence = await letting(String(seq), 1);
    await age();
    expect(await absence(evidence)).toBe('done');
    expect(await removed(evidence)).toEqual([]);
    expect(await emptied(seq)).toBe('42501 append_only');
    expect(await attempt(`UPDATE log_blocks SET records = 'back', absent = 0 WHERE absent > 0`)).toBe(
      '42501 append_only',
    );
  });
});

describe('a hold', () => {
  let hold: string;

  it('keeps what a record of the log lets go, and what somebody empties', async () => {
    hold = newId<string>('hld');
    await app.query(
      `INSERT INTO legal_holds (workspace_id, id, kind, matter, reason, scope, placed_by, placed_by_id, event_id)
       VALUES ($1, $2, 'legal', 'm', 'r', '{"session": "s4"}', 'key:one', $3, 'evt')`,
      [fixture.workspaceId, hold, people[0]],
    );
    const seq = await letting('4-6', 3);
    await age();
    expect(await absence(seq)).toBe('done');
    const { rows } = await app.query(`SELECT seq FROM actions WHERE record ->> 'session_id' = 's4'`);
    expect(await removed(seq)).not.toContain(rows[0].seq);
    expect(await emptied(rows[0].seq)).toBe('42501 append_only');
  });

  it('does not end by the hand of whoever placed it, nor by a statement', async () => {
    const release = (seq: number | null) => attempt('UPDATE legal_holds SET release_seq = $2 WHERE id = $1', hold, seq);
    expect(await attempt('DELETE FROM legal_holds')).toBe('42501 append_only');
    expect(await attempt('TRUNCATE legal_holds CASCADE')).toMatch(/^42501/);
    expect(await attempt(`UPDATE legal_holds SET until = now()`)).toBe('42501 legal_hold_bound');
    expect(await attempt(`UPDATE legal_holds SET released_at = now(), release_seq = 1`)).toBe('42501 legal_hold_bound');
    expect(await release(1)).toBe('42501 legal_hold_bound');
    const own = { kind: 'hold.released' as const, hold_id: hold };
    expect(await release(await recorded({ ...own, person_id: people[0] }))).toBe('42501 legal_hold_bound');
    expect(await release(await recorded(own))).toBe('42501 legal_hold_bound');
    expect(await release(await recorded({ ...own, hold_id: 'hld_other', person_id: people[1] }))).toBe(
      '42501 legal_hold_bound',
    );
    expect(await release(await recorded({ ...own, person_id: people[1] }))).toBe('done');
    const { rows } = await app.query('SELECT released_by_id FROM legal_holds WHERE id = $1', [hold]);
    expect(rows).toEqual([{ released_by_id: people[1] }]);
  });
});

it('the application role as it is has none of these rights', () => {
  expect(before).toEqual({ blocks: false, sealed: false, entries: false, absences: false, ends: false, holds: false });
});
