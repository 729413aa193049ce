/** Who tries to act and is no agent here is counted, in few lines, and no credential of theirs is kept. */
import { createSecretKey, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newCredential } from '../../src/identity/index.ts';
import type { WorkspaceId } from '../../src/ids.ts';
import { createLogger } from '../../src/observability/index.ts';
import { createUnregistered } from '../../src/unregistered/index.ts';
import { maskedToken, Sightings } from '../../src/unregistered/sighting.ts';
import { openWorld, type World } from '../agents/world.ts';
import { createFixture } from '../log/fixture.ts';

const workspaceId = 'wsp_1' as WorkspaceId;
const pepper = createSecretKey(randomBytes(32));

describe('counting', () => {
  it('loses nothing and stays small, whatever comes', () => {
    const sighting = fc.record({
      identity: fc.string({ maxLength: 600 }),
      source: fc.oneof(fc.ipV4(), fc.constant('10.0.0.1')),
      at: fc.integer({ min: 0, max: 1000 }),
    });
    fc.assert(
      fc.property(fc.array(sighting, { maxLength: 3000 }), (all) => {
        const sightings = new Sightings();
        for (const { identity, source, at } of all) sightings.add({ workspaceId, kind: 'token', identity, source }, at);
        const lines = sightings.take();
        expect(lines.reduce((sum, { count }) => sum + count, 0)).toBe(all.length);
        expect(lines.length).toBeLessThanOrEqual(513);
        expect(lines.filter(({ source }) => source === '10.0.0.1').length).toBeLessThanOrEqual(16);
        if (all.length > 0) {
          expect(Math.min(...lines.map(({ firstMs }) => firstMs))).toBe(Math.min(...all.map(({ at }) => at)));
          expect(Math.max(...lines.map(({ lastMs }) => lastMs))).toBe(Math.max(...all.map(({ at }) => at)));
        }
        for (const { identity } of lines) expect(identity.length).toBeLessThanOrEqual(257);
        expect(sightings.take()).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });

  it('tells credentials apart and shows none of them', () => {
    const text = newCredential('agt', pepper).text.reveal();
    expect(maskedToken(text, pepper)).toMatch(/^hk_agt [0-9a-f]{12}$/);
    expect(maskedToken(text, pepper)).toBe(maskedToken(text, pepper));
    expect(maskedToken('aaa.bbb.ccc', pepper)).toMatch(/^jwt /);
    for (const secret of ['hunter2', 'x'.repeat(5000)]) {
      expect(maskedToken(secret, pepper)).toMatch(/^text [0-9a-f]{12}$/);
      expect(maskedToken(secret, pepper)).not.toBe(maskedToken(secret, createSecretKey(randomBytes(32))));
    }
  });
});

describe('identities that are not registered', () => {
  let world: World;
  let owner: pg.Client;
  let key: string;

  beforeAll(async () => {
    world = await openWorld();
    owner = new pg.Client({ connectionString: world.server.ownerUrl });
    await owner.connect();
    await world.role('support');
    await world.ok('POST', '/v1/people', { email: 'ann@acme.example' });
    ({ key } = await world.ok('POST', '/v1/keys', { name: 'ann', person: 'ann@acme.example' }));
  });
  afterAll(async () => {
    await owner.end();
    await world.server.close();
  });

  const list = async (query = '') => (await world.ok('GET', `/v1/unregistered-identities${query}`)).data;

  it('are listed with what they are, from where, and how often', async () => {
    const made = newCredential('agt', pepper).text.reveal();
    for (const _ of [1, 2, 3]) expect((await world.act(made, 'notes.add')).body.error.code).toBe('token_invalid');
    expect((await world.act('a-password', 'notes.add')).status).toBe(401);
    await world.call('POST', '/mcp', {
      key: 'another-password',
      body: { jsonrpc: '2.0', id: 1, method: 'ping' },
      headers: { 'content-type': 'application/json' },
    });
    const asked = await world.ok(
      'POST',
      '/access/v1/evaluation',
      { subject: { type: 'agent', id: 'shadow-bot' }, action: { name: 'notes.add' }, resource: { type: 'x', id: '1' } },
      { key, headers: { 'content-type': 'application/json' } },
    );
    expect(asked.context.code).toBe('subject_unknown');
    await world.agent('gone');
    const token = await world.token('gone');
    await world.ok('POST', '/v1/agents/gone/revoke', { reason: 'over' });
    expect((await world.act(token, 'notes.add')).body.error.code).toBe('agent_revoked');

    const seen = await list();
    const facts = seen.map(({ kind, identity, agent, count }: Record<string, unknown>) => [
      kind,
      identity,
      agent,
      count,
    ]);
    expect(facts.map((fact: unknown[]) => fact.join(' · ')).toSorted()).toEqual([
      'agent · shadow-bot ·  · 1',
      expect.stringMatching(/^retired_token · gone tok_\w+ · gone · 1$/),
      expect.stringMatching(/^token · hk_agt [0-9a-f]{12} · {2}· 3$/),
      expect.stringMatching(/^token · text [0-9a-f]{12} · {2}· 1$/),
      expect.stringMatching(/^token · text [0-9a-f]{12} · {2}· 1$/),
    ]);
    for (const { source, dismissed } of seen) expect([source, dismissed]).toEqual(['127.0.0.1', null]);
    const written = JSON.stringify([
      (await owner.query('SELECT * FROM unregistered_identities')).rows,
      await world.events('kind=identity.unregistered', 5),
    ]);
    for (const secret of [made, made.slice(-6), 'a-password', 'another-password', token])
      expect(written).not.toContain(secret);
    expect(await world.events('kind=identity.unregistered', 5)).toHaveLength(5);
  });

  it('are dismissed with a reason, and counted on', async () => {
    const [{ id }] = await list('?kind=agent');
    const path = `/v1/unregistered-identities/${id}/dismiss`;
    expect(await world.refused('POST', path, {})).toBe('request_invalid');
    expect(await world.refused('POST', '/v1/unregistered-identities/unr_x/dismiss', { reason: 'r' })).toBe(
      'unregistered_identity_not_found',
    );
    expect((await world.ok('POST', path, { reason: 'a test of ours' })).dismissed).toMatchObject({
      reason: 'a test of ours',
    });
    expect(await list('?kind=agent&dismissed=false')).toEqual([]);
    expect(await list('?dismissed=true')).toEqual([expect.objectContaining({ id })]);
    expect(await world.events('kind=identity.dismissed', 1)).toHaveLength(1);
  });

  it('do not fill the table and do not slow the way, when somebody makes up one after the other', async () => {
    const fixture = await createFixture();
    const log = await fixture.open();
    const { pool } = fixture.database;
    const identities = createUnregistered({
      pool,
      log,
      pepper,
      workspaceId: fixture.workspaceId,
      logger: createLogger('silent'),
      clock: Date.now,
    });
    const startedAt = performance.now();
    for (let i = 0; i < 1_000_000; i += 1) identities.noteToken(`wrong-${i}`, `10.9.${i % 7}.${i % 200}`);
    const microseconds = ((performance.now() - startedAt) * 1000) / 1_000_000;
    await identities.keep();
    for (let round = 0; round < 5; round += 1) {
      for (let i = 0; i < 4000; i += 1) identities.noteToken(`worse-${round}-${i}`, `10.8.${round}.${i % 250}`);
      await identities.keep();
    }
    const { rows } = await pool.query<{ rows: number; own: number; counted: number }>(
      `SELECT count(*) AS rows, count(*) FILTER (WHERE identity <> '*') AS own, sum(count)::bigint AS counted
         FROM unregistered_identities`,
    );
    await pool.query(
      `UPDATE unregistered_identities SET first_seen = last_seen - interval '2 days', last_seen = last_seen - interval '2 days'`,
    );
    identities.noteUnregistered({
      workspaceId: fixture.workspaceId,
      kind: 'workload',
      identity: 'ci',
      source: '10.7.0.1',
    });
    await identities.close();
    const { rows: later } = await pool.query(`SELECT kind, count FROM unregistered_identities WHERE identity = 'ci'`);
    await fixture.close();
    expect(later).toEqual([{ kind: 'workload', count: 1 }]);
    expect(rows[0]?.counted).toBe(1_020_000);
    expect(rows[0]?.own).toBe(1000);
    expect(rows[0]?.rows).toBeLessThan(1600);
    // Well above what it takes, well below what looking for the token does.
    expect(microseconds).toBeLessThan(50);
  });
});
