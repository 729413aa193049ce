/** Whatever comes after what, the log verifies, the projection is what the blocks say, and what is held is there. */
// Loads the folders in their order.
import '../../src/server.ts';
import { parseVerifierKey, type VerifyReport, verifyExport } from '@hivekey/action-log';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/setup/database.ts';
import type { Administrator } from '../../src/api/context.ts';
import { type KeyId, newId, type PersonId } from '../../src/ids.ts';
import type { LogExport, RunningLog } from '../../src/log/index.ts';
import type { Principal } from '../../src/path/types.ts';
import { approve } from '../../src/retention/approve.ts';
import { type DisposeContext, dispose } from '../../src/retention/dispose.ts';
import { placeHold, releaseHold } from '../../src/retention/holds.ts';
import { requestRedaction } from '../../src/retention/redact.ts';
import { carryOut } from '../../src/retention/work.ts';
import { createFixture, denial, type Fixture, intent, permitOf, record } from '../log/fixture.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

interface World {
  readonly fixture: Fixture;
  readonly log: RunningLog;
  readonly context: DisposeContext;
  readonly agents: readonly Principal[];
  readonly dana: Administrator;
  readonly lee: Administrator;
  /** Events that may not go. */
  readonly held: Map<string, ReadonlySet<string>>;
  /** Agent → its calls. */
  readonly calls: Map<string, string[]>;
}

async function open(): Promise<World> {
  const fixture = await createFixture(database);
  const { workspaceId } = fixture;
  const log = await fixture.open();
  const { pool } = database;
  const administrator = async (email: string): Promise<Administrator> => {
    const id = newId<PersonId>('per');
    await pool.query('INSERT INTO people (workspace_id, id, email) VALUES ($1, $2, $3)', [workspaceId, id, email]);
    const credentialId = newId<KeyId>('key');
    return { workspaceId, credentialId, actor: `key:${email}`, via: 'key', roles: ['admin'], person: { id, email } };
  };
  const periods = {
    calls: 40,
    results: 40,
    approvals: 40,
    policy: null,
    security: 40,
    administrative: 40,
    reads: 40,
    system: 40,
  };
  await pool.query(`INSERT INTO retention_settings (workspace_id, periods, author) VALUES ($1, $2, 'dana')`, [
    workspaceId,
    JSON.stringify(periods),
  ]);
  return {
    fixture,
    log,
    context: { pool, log, nodeId: 'node', clock: Date.now },
    agents: [await fixture.addAgent('one'), await fixture.addAgent('two')],
    dana: await administrator('kim@acme.example'),
    lee: await administrator('lee@acme.example'),
    held: new Map(),
    calls: new Map(),
  };
}

async function act({ log, agents, calls }: World, who: number, count: number): Promise<void> {
  const principal = agents[who % agents.length];
  if (principal === undefined) return;
  for (let n = 0; n < count; n += 1) {
    const of = intent(principal, n % 3 === 2 ? { evaluation: denial() } : {});
    const recorded = await record(log, of);
    if (n % 3 !== 2) await log.recordOutcome(permitOf(of, recorded), { result: 'success' });
    calls.set(principal.agentId, [...(calls.get(principal.agentId) ?? []), recorded.eventId]);
  }
  await log.record(principal.workspaceId, { kind: 'system.started', actor: 'system', node: 'n' });
}

async function asOwner(text: string, values: readonly unknown[]): Promise<void> {
  const client = new pg.Client({ connectionString: database.ownerUrl });
  await client.connect();
  try {
    await client.query("SET session_replication_role = 'replica'");
    await client.query(text, [...values]);
  } finally {
    await client.end();
  }
}

async function age({ log, fixture: { workspaceId } }: World): Promise<void> {
  await log.catchUp(workspaceId);
  await asOwner(`UPDATE log_seals SET sealed_at = sealed_at - interval '50 days' WHERE workspace_id = $1`, [
    workspaceId,
  ]);
}

async function filesOf({ files }: LogExport): Promise<ReadonlyMap<string, Buffer>> {
  const all = new Map<string, Buffer>();
  for (const { path, size, chunks } of files) {
    const parts: Buffer[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    const bytes = Buffer.concat(parts);
    expect([path, bytes.length]).toEqual([path, size]);
    all.set(path, bytes);
  }
  return all;
}

async function exported({ log, fixture: { workspaceId } }: World) {
  return filesOf(await log.export(workspaceId));
}

async function check(world: World, files: ReadonlyMap<string, Buffer>, note?: string): Promise<VerifyReport> {
  return verifyExport(
    {
      size: async (path) => files.get(path)?.length,
      read: async function* (path, start, end) {
        yield files.get(path)?.subarray(start, end) ?? Buffer.alloc(0);
      },
    },
    {
      trustedKey: parseVerifierKey(world.log.verifierKey(world.fixture.workspaceId)),
      ...(note === undefined ? {} : { outsideCheckpoints: [{ name: 'kept', note }] }),
    },
  );
}

/** What must be true after every step. */
async function sound(world: World): Promise<void> {
  const files = await exported(world);
  const { findings, isVerified } = await check(world, files);
  expect(findings).toEqual([]);
  expect(isVerified).toBe(true);
  expect(await world.log.compareProjection(world.fixture.workspaceId)).toEqual([]);
  const text = files.get('entries.jsonl')?.toString() ?? '';
  for (const events of world.held.values()) for (const id of events) expect(text).toContain(`"event_id":"${id}"`);
}

/** As if the node had died: after the record, before anything went, or with one block gone and the rest not. */
function dying(world: World, after: 'record' | 'a block'): DisposeContext {
  const { log, context } = world;
  const letGo: RunningLog['letGo'] = async (workspaceId, eventId) => {
    if (after === 'a block') {
      const seq = await log.placeOf(workspaceId, eventId);
      await database.pool.query('INSERT INTO log_absences (workspace_id, seq) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
        workspaceId,
        seq,
      ]);
      const client = await database.pool.connect();
      await client.query('BEGIN');
      await client.query('SELECT log_remove_payloads($1, $2, 1)', [workspaceId, seq]);
      // What a transaction had not committed is not there.
      client.release(true);
    }
    throw new Error('killed');
  };
  return {
    ...context,
    log: {
      letGo,
      placeOf: (...all) => log.placeOf(...all),
      transact: (...all) => log.transact(...all),
      size: (...all) => log.size(...all),
      catchUp: (...all) => log.catchUp(...all),
      prove: (...all) => log.prove(...all),
      sign: (...all) => log.sign(...all),
    },
  };
}

type Step =
  | { readonly kind: 'act'; readonly who: number; readonly count: number }
  | { readonly kind: 'age' | 'dispose' | 'release' | 'rebuild' }
  | { readonly kind: 'hold'; readonly who: number }
  | { readonly kind: 'redact'; readonly who: number; readonly which: number; readonly field: string }
  | { readonly kind: 'die'; readonly after: 'record' | 'a block' };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('act' as const), who: fc.nat(1), count: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ kind: fc.constantFrom('age' as const, 'dispose' as const, 'release' as const, 'rebuild' as const) }),
  fc.record({ kind: fc.constant('hold' as const), who: fc.nat(1) }),
  fc.record({
    kind: fc.constant('redact' as const),
    who: fc.nat(1),
    which: fc.nat(5),
    field: fc.constantFrom('args', 'args.to', 'reason', 'trace'),
  }),
  fc.record({ kind: fc.constant('die' as const), after: fc.constantFrom('record' as const, 'a block' as const) }),
);

async function take(world: World, of: Step): Promise<void> {
  const { log, context, fixture, dana, lee, held, calls, agents } = world;
  const { workspaceId } = fixture;
  switch (of.kind) {
    case 'act':
      return act(world, of.who, of.count);
    case 'age':
      return age(world);
    case 'rebuild':
      return log.rebuildProjection(workspaceId);
    case 'dispose':
      await dispose(context, workspaceId, 'system');
      return;
    case 'die':
      await dispose(dying(world, of.after), workspaceId, 'system').catch((error: Error) =>
        expect(error.message).toBe('killed'),
      );
      return;
    case 'hold': {
      const agent = agents[of.who]?.agentId ?? '';
      const hold = await placeHold(log, dana, {
        kind: 'legal',
        matter: 'm',
        reason: 'r',
        scope: { agent: agents[of.who]?.agent },
      });
      // What had gone before stays gone.
      const { rows } = await database.pool.query<{ event_id: string }>(
        `SELECT event_id FROM actions WHERE workspace_id = $1 AND event_id = ANY($2) AND NOT record ? 'redacted'`,
        [workspaceId, calls.get(agent) ?? []],
      );
      held.set(hold.id, new Set(rows.map(({ event_id }) => event_id)));
      return;
    }
    case 'release': {
      const [id] = held.keys();
      if (id === undefined) return;
      await releaseHold(log, lee, id, 'over');
      held.delete(id);
      return carryOut(context, workspaceId, id);
    }
    case 'redact': {
      const event = calls.get(agents[of.who]?.agentId ?? '')?.[of.which];
      if (event === undefined) return;
      const refusal = await redact(world, event, of.field);
      const isHeld = [...held.values()].some((events) => events.has(event));
      if (isHeld) expect(refusal).toBe('redaction_held');
      return;
    }
  }
}

/** The code by which it was refused; undefined when it was done. */
async function redact({ log, context, dana, lee }: World, event: string, field: string): Promise<string | undefined> {
  try {
    const { id } = await requestRedaction(context, dana, { events: [event], fields: [field] }, 'r');
    await log.catchUp(dana.workspaceId);
    await approve(context, lee, id);
    return undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
    throw error;
  }
}

describe('any sequence of acts, disposals, redactions, holds and deaths', () => {
  it('leaves a log that verifies', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 10 }), async (steps) => {
        const world = await open();
        await act(world, 0, 4);
        await act(world, 1, 4);
        await age(world);
        for (const each of steps) {
          await take(world, each);
          await sound(world);
        }
        await age(world);
        await dispose(world.context, world.fixture.workspaceId, 'system');
        await world.log.rebuildProjection(world.fixture.workspaceId);
        await sound(world);
        await world.fixture.close();
      }),
      { numRuns: 3 },
    );
  }, 60_000);
});
