import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { compilePolicy, type PolicySet, type RadiusWorld, sweep } from '@hivekey/policy';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runCli } from '../../../cli/test/run-cli.ts';
import { certify } from '../../src/blast-radius/certificates.ts';
import { sweepWorld } from '../../src/blast-radius/sweep-world.ts';
import { watchBlastRadius } from '../../src/blast-radius/watch.ts';
import { Worlds } from '../../src/blast-radius/world.ts';
import { openDatabase } from '../../src/database/index.ts';
import { loadServerKeys } from '../../src/identity/index.ts';
import type { WorkspaceId } from '../../src/ids.ts';
import { createActionLog } from '../../src/log/index.ts';
import { createLogger } from '../../src/observability/index.ts';
import { addWorkspace } from '../agents/second-workspace.ts';
import { openWorld, type World } from '../agents/world.ts';
import { CERTIFICATE, PASSWORD, type Relay, startRelay, USER } from '../channels/relay.ts';
import { applyExample, ROLE } from './example.ts';

let world: World;
let agentId: string;
let relay: Relay;

const SYSTEM = getCACertificates('default');

beforeAll(async () => {
  setDefaultCACertificates([...SYSTEM, CERTIFICATE]);
  relay = await startRelay();
  world = await openWorld({ upstream_allow: ['127.0.0.0/8', 'localhost'] });
  ({ agentId } = await applyExample(world));
  await world.ok('PUT', '/v1/blast-radius/settings', {
    detection: { seconds: 300, source: 'the monitoring team answers within 5 minutes' },
    revocation: { seconds: 2, source: 'the target of the kill switch' },
  });
});
afterAll(async () => {
  setDefaultCACertificates(SYSTEM);
  await world.server.close();
  await relay.close();
});

/** Horizon → value, or what there is in its place. */
async function numbers(query: string, unit: string, line = 'alone'): Promise<Record<string, unknown>> {
  const { cells } = await world.ok('GET', `/v1/blast-radius${query}`);
  return Object.fromEntries(
    cells
      .filter((cell: { unit: string; line: string }) => cell.unit === unit && cell.line === line)
      .map(({ horizon, amount }: { horizon: string; amount: { value: number | null; text: string } }) => [
        horizon,
        amount.value ?? amount.text,
      ]),
  );
}

describe('the worked example', () => {
  it.each([
    ['usd', 'alone', [1_000_000, 1_000_000, 1_000_000, 7_000_000]],
    ['usd', 'fooled', [1_000_000, 1_000_000, 1_000_000, 7_000_000]],
    ['records_read', 'alone', [2_000, 2_000, 2_000, 14_000]],
    ['records_changed', 'alone', [50, 50, 300, 2_100]],
    ['records_deleted', 'alone', [0, 0, 0, 0]],
    ['messages', 'alone', [20, 20, 100, 700]],
  ])('%s, %s', async (unit, line, expected) => {
    expect(Object.values(await numbers('?agent=desk-bot', unit, line))).toEqual(expected);
  });
});

describe('whose blast radius', () => {
  it('is of a role, an owner and the workspace what all of theirs come to', async () => {
    for (const query of [`?role=${ROLE}`, '?owner=dana@acme.example', ''])
      expect(await numbers(query, 'usd')).toMatchObject({ '24h': 1_000_000 });
    await world.agent('desk-bot-2', { role: ROLE });
    for (const query of [`?role=${ROLE}`, '?owner=dana@acme.example', ''])
      expect(await numbers(query, 'usd')).toMatchObject({ '24h': 2_000_000 });
    expect(await numbers('?agent=desk-bot', 'usd')).toMatchObject({ '24h': 1_000_000 });
    await world.ok('POST', '/v1/agents/desk-bot-2/revoke', { reason: 'no longer needed' });
    expect(await numbers('', 'usd')).toMatchObject({ '24h': 1_000_000 });
  });

  it('of an agent that is stopped is what it could do otherwise', async () => {
    await world.agent('idle-bot', { role: ROLE });
    await world.ok('POST', '/v1/agents/idle-bot/suspend', { reason: 'holiday' });
    const { subject, cells } = await world.ok('GET', '/v1/blast-radius?agent=idle-bot');
    expect(subject).toMatchObject({ name: 'idle-bot', status: 'suspended' });
    expect(cells[0].amount.value).toBe(1_000_000);
    expect(await numbers('', 'usd')).toMatchObject({ '24h': 1_000_000 });
  });

  it('names what binds it, how much of that was ever used, and what it leaves out', async () => {
    const token = await world.token('desk-bot');
    const paid = await world.act(token, 'payments.transfer', { to: 'vendor', amount: 500 });
    expect(paid.body.verdict).toBe('allow');
    await world.events('kind=tool.call&agent=desk-bot', 1);
    // Use is counted before proposals are shown.
    await world.ok('GET', '/v1/least-privilege/proposals?days=1');
    const { cells, excluded, capabilities } = await world.ok('GET', '/v1/blast-radius?agent=desk-bot');
    const money = cells.find((cell: Cell) => cell.unit === 'usd' && cell.horizon === '24h' && cell.line === 'alone');
    expect(money.binding).toMatchObject([
      { rule: 'agent-money', limit: 1_000_000, used: { largest: 50_000, share: 0.05 } },
    ]);
    expect(excluded).toContain('credentials that are used outside the gateway');
    expect(capabilities).toContainEqual({
      capability: 'payments.transfer',
      reach: 'alone',
      granted_by: [ROLE],
      declared: true,
    });
  });

  it.each([
    ['?agent=nobody', 404, 'agent_not_found'],
    ['?role=nothing', 404, 'role_not_found'],
    ['?owner=nobody@acme.example', 404, 'person_not_found'],
    [`?agent=desk-bot&role=${ROLE}`, 400, 'request_invalid'],
  ])('%s is refused', async (query, status, code) => {
    expect(await world.call('GET', `/v1/blast-radius${query}`)).toMatchObject({ status, body: { error: { code } } });
  });
});

interface Cell {
  readonly unit: string;
  readonly horizon: string;
  readonly line: string;
}

describe('what the numbers rest on', () => {
  const stated = {
    detection: { seconds: 300, source: 'the monitoring team answers within 5 minutes' },
    revocation: { seconds: 2, source: 'the target of the kill switch' },
  };

  it('is said in words where nobody has measured or stated it, and is never zero', async () => {
    await world.ok('PUT', '/v1/blast-radius/settings', {});
    const { cells, containment } = await world.ok('GET', '/v1/blast-radius?agent=desk-bot');
    expect(containment.seconds).toBeNull();
    expect(containment.sentence).toContain('Nobody has said how long a compromise takes to be found');
    const contained = cells.filter(({ horizon }: Cell) => horizon === 'contained');
    // What nothing reaches is nothing in any time.
    expect(contained.every(({ amount }: { amount: { value: number | null } }) => (amount.value ?? 0) === 0)).toBe(true);
    expect(contained.find(({ unit }: Cell) => unit === 'usd').amount).toMatchObject({ kind: 'unknown', value: null });
    await world.ok('PUT', '/v1/blast-radius/settings', stated);
  });

  it('is measured by stops and rehearsals where there were any', async () => {
    // desk-bot-2 was revoked above.
    const { containment } = await world.ok('GET', '/v1/blast-radius');
    expect(containment.revocation).toMatchObject({ basis: 'measured', samples: 1 });
    expect(containment.seconds).toBeGreaterThanOrEqual(300);
    await world.ok('POST', '/v1/containments/rehearsals', { agent: 'desk-bot' });
    const after = await world.ok('GET', '/v1/blast-radius');
    expect(after.containment.revocation.samples).toBe(2);
  });

  it('takes limits of the providers themselves when the gateway is bypassed', async () => {
    expect(await numbers('?agent=desk-bot', 'usd', 'bypassed')).toMatchObject({ '24h': 'UNBOUNDED' });
    const limit = {
      over: ['*'],
      unit: 'usd',
      limit: 2_000_000,
      window_seconds: 86_400,
      source: 'daily limit at the bank',
    };
    await world.ok('PUT', '/v1/tool-limits/bank-day', { ...limit, window: 'sliding' });
    expect(await numbers('?agent=desk-bot', 'usd', 'bypassed')).toMatchObject({ '24h': 2_000_000 });
    await world.ok('PUT', '/v1/tool-limits/bank-day', { ...limit, window: 'fixed' });
    expect(await numbers('?agent=desk-bot', 'usd', 'bypassed')).toMatchObject({ '1h': 4_000_000, '24h': 4_000_000 });
    expect((await world.ok('GET', '/v1/tool-limits')).data).toMatchObject([{ name: 'bank-day', window: 'fixed' }]);
    await world.ok('DELETE', '/v1/tool-limits/bank-day');
    expect(await world.refused('DELETE', '/v1/tool-limits/bank-day')).toBe('tool_limit_not_found');
    expect(await numbers('?agent=desk-bot', 'usd', 'bypassed')).toMatchObject({ '24h': 'UNBOUNDED' });
  });

  it('follows credentials of other agents that somebody has written down', async () => {
    await world.role('idle', []);
    await world.agent('starter', { role: 'idle' });
    expect(await numbers('?agent=starter', 'usd')).toMatchObject({ '24h': 0 });
    const reaches = [{ agent: 'starter', other: 'desk-bot', source: 'it starts desk-bot with its key' }];
    await world.ok('PUT', '/v1/blast-radius/settings', { ...stated, reaches });
    expect(await numbers('?agent=starter', 'usd')).toMatchObject({ '24h': 1_000_000 });
    const { escalations } = await world.ok('GET', '/v1/blast-radius?agent=starter');
    expect(escalations).toMatchObject([{ kind: 'agent', sentence: 'starter can come by the credentials of desk-bot' }]);
    await world.ok('PUT', '/v1/blast-radius/settings', stated);
  });
});

describe('what if', () => {
  const role = async () => (await world.ok('GET', `/v1/roles/${ROLE}`)).document;

  it('says what moves, and stores nothing', async () => {
    const document = await role();
    const guards = document.guards.map((guard: { id: string }) =>
      guard.id === 'agent-money' ? { ...guard, when: { field: 'sum(usd, 24h)', lte: '$6000' } } : guard,
    );
    const { moved, before, after } = await world.ok('POST', '/v1/blast-radius/what-if', {
      agent: 'desk-bot',
      operations: [{ type: 'role', id: ROLE, document: { ...document, guards } }],
    });
    expect(before.cells).not.toEqual(after.cells);
    expect(moved).toContainEqual(
      expect.objectContaining({
        unit: 'usd',
        horizon: '24h',
        line: 'alone',
        rises: false,
        sentence: expect.stringContaining('falls from $10,000 to $6,000'),
      }),
    );
    expect(await numbers('?agent=desk-bot', 'usd')).toMatchObject({ '24h': 1_000_000 });
  });

  it('takes roles off, and shows the way to more authority', async () => {
    await world.capability('secrets.read', { access: 'read', impact: {} });
    const document = await role();
    const scope = { allow: [...document.scope.allow, 'secrets.read'] };
    const open = await world.ok('POST', '/v1/blast-radius/what-if', {
      agent: 'desk-bot',
      operations: [{ type: 'role', id: ROLE, document: { ...document, scope } }],
    });
    expect(open.after.escalations).toMatchObject([{ kind: 'everything', capability: 'secrets.read' }]);
    expect(open.after.cells[0].amount).toMatchObject({ kind: 'unbounded', value: null, text: 'UNBOUNDED' });
    const capability = {
      apiVersion: 'policy.hivekey.ai/v1',
      kind: 'Capability',
      metadata: { name: 'crm.read' },
      access: 'read',
    };
    const undeclared = await world.ok('POST', '/v1/blast-radius/what-if', {
      agent: 'desk-bot',
      operations: [{ type: 'capability', id: 'crm.read', document: capability }],
    });
    // The rows of a read that declares none cannot be counted, so that its window refuses it.
    expect(undeclared.moved).toContainEqual(expect.objectContaining({ unit: 'records_read', rises: false }));
    const none = await world.ok('POST', '/v1/blast-radius/what-if', {
      agent: 'desk-bot',
      operations: [{ type: 'assignment', id: agentId, document: { roles: [] } }],
    });
    expect(none.after.cells.filter(({ line }: Cell) => line !== 'bypassed').every(isNothing)).toBe(true);
  });

  it('leaves a quarantine where it is', async () => {
    await world.agent('held-bot', { role: 'idle' });
    await world.ok('POST', '/v1/agents/held-bot/quarantine', { reason: 'odd mails' });
    const { id } = await world.ok('GET', '/v1/agents/held-bot');
    const { after } = await world.ok('POST', '/v1/blast-radius/what-if', {
      agent: 'held-bot',
      operations: [{ type: 'assignment', id, document: { roles: [ROLE] } }],
    });
    const within = (unit: string) =>
      after.cells.find((cell: Cell) => cell.unit === unit && cell.horizon === '24h' && cell.line === 'alone').amount
        .value;
    expect([within('usd'), within('records_read')]).toEqual([0, 2_000]);
  });

  it('is refused for a document that is none', async () => {
    const operations = [{ type: 'role', id: ROLE, document: { name: ROLE, scope: { allow: ['*'] } } }];
    expect(await world.refused('POST', '/v1/blast-radius/what-if', { operations })).toBe('role_invalid');
  });
});

function isNothing({ amount, horizon }: { amount: { value: number | null }; horizon: string }): boolean {
  return horizon === 'contained' || amount.value === 0;
}

describe('the fleet', () => {
  it('has what is unbounded first, then the largest, in pages', async () => {
    await world.capability('files.write', { impact: { records_changed: 1 } });
    await world.role('files', ['files.write']);
    await world.agent('files-bot', { role: 'files' });
    const first = await world.ok('GET', '/v1/blast-radius/agents?limit=1');
    expect(first.data).toMatchObject([{ agent: 'files-bot', amounts: { records_changed: { text: 'UNBOUNDED' } } }]);
    const rest = await world.ok('GET', `/v1/blast-radius/agents?limit=10&cursor=${first.next_cursor}`);
    expect(rest.data[0]).toMatchObject({ agent: 'desk-bot', amounts: { usd: { value: 1_000_000 } } });
    expect(rest.data.map(({ agent }: { agent: string }) => agent)).not.toContain('idle-bot');
    const byMoney = await world.ok('GET', '/v1/blast-radius/agents?unit=usd');
    expect(byMoney.data[0].agent).toBe('desk-bot');
  });
});

const DAY = 86_400;
const inDays = (days: number) => Math.floor(Date.now() / 1000) + days * DAY;

describe('acceptance', () => {
  let lee: string;
  let dana: string;
  const digestOf = async (query: string) => (await world.ok('GET', `/v1/blast-radius${query}`)).digest;

  beforeAll(async () => {
    await world.ok('POST', '/v1/people', { email: 'lee@acme.example' });
    ({ key: lee } = await world.ok('POST', '/v1/keys', {
      name: 'lee',
      person: 'lee@acme.example',
      roles: ['reviewer'],
    }));
    ({ key: dana } = await world.ok('POST', '/v1/keys', { name: 'dana', person: 'dana@acme.example' }));
  });

  beforeAll(async () => {
    await world.ok('PUT', '/v1/secrets/smtp', { value: PASSWORD });
    const relayed = { host: 'localhost', port: relay.port, username: USER, password_ref: 'vault://smtp' };
    await world.ok('PUT', '/v1/channels/email', { ...relayed, from: 'hivekey@acme.example' });
  });

  /** The first mail to lee that says so. */
  const mailed = (text: string) =>
    vi.waitFor(
      () => {
        const mail = relay.mails.find((each) => each.to.includes('lee@acme.example') && each.text.includes(text));
        if (mail === undefined) throw new Error(`no mail says ${text}`);
        return mail;
      },
      { timeout: 15_000, interval: 50 },
    );

  const accept = async (change: object, key: string) =>
    world.call('POST', '/v1/blast-radius/acceptances', {
      key,
      body: {
        agent: 'desk-bot',
        digest: await digestOf('?agent=desk-bot'),
        until: inDays(90),
        reason: 'reviewed with finance',
        ...change,
      },
    });

  it.each([
    ['by a key that is nobody’s', async () => accept({}, world.server.adminKey), 'person_required'],
    ['by the owner of the agent', async () => accept({}, dana), 'owner_alone'],
    [
      'by the owner of what they own',
      async () =>
        accept(
          { agent: undefined, owner: 'dana@acme.example', digest: await digestOf('?owner=dana@acme.example') },
          dana,
        ),
      'owner_alone',
    ],
    [
      'of another number than was seen',
      async () => accept({ digest: `sha256:${'0'.repeat(64)}` }, lee),
      'blast_radius_changed',
    ],
    ['without an end in sight', async () => accept({ until: inDays(400) }, lee), 'until_invalid'],
    ['until yesterday', async () => accept({ until: inDays(-1) }, lee), 'until_invalid'],
  ])('is refused %s', async (_, tried, code) => {
    expect((await tried()).body.error.code).toBe(code);
  });

  it('keeps exactly what was seen, and tells when a number passes it, once', async () => {
    const { status, body } = await accept({}, lee);
    expect(status).toBe(201);
    const kept = await world.ok('GET', `/v1/blast-radius/acceptances/${body.id}`);
    expect(kept).toMatchObject({ person: 'lee@acme.example', status: 'current', subject: { name: 'desk-bot' } });
    expect(kept.result.digest).toBe(kept.digest);
    await world.events('kind=blast_radius.accepted', 1);
    const now = await world.ok('GET', '/v1/blast-radius?agent=desk-bot');
    expect(now.acceptance).toMatchObject({ person: 'lee@acme.example', exceeded: false, expired: false });

    await raise('$12000');
    const [told] = await world.events('kind=blast_radius.exceeded', 1);
    expect(told).toMatchObject({
      acceptance: body.id,
      cause: 'passed',
      severity: 'high',
      to: expect.arrayContaining(['lee@acme.example']),
      subject: { kind: 'agent', name: 'desk-bot' },
      sentence: expect.stringContaining('rises from $10,000 to'),
    });
    expect((await world.ok('GET', '/v1/blast-radius?agent=desk-bot')).acceptance.exceeded).toBe(true);
    const mail = await mailed('A blast radius is larger than what was accepted.');
    expect(mail.text).toContain('agent desk-bot');
    await raise('$10000');
    const again = await accept({}, lee);
    expect(again.status).toBe(201);
    const history = await world.ok('GET', '/v1/blast-radius/acceptances?agent=desk-bot');
    expect(history.data.map(({ status: is }: { status: string }) => is)).toEqual(['current', 'ended']);
    expect(await world.events('kind=blast_radius.exceeded', 1)).toHaveLength(1);
  });

  it('tells when its time is over', async () => {
    const until = Math.floor(Date.now() / 1000) + 2;
    const { body } = await accept({ agent: undefined, digest: await digestOf(''), until }, lee);
    const told = await world.events('kind=blast_radius.exceeded', 2);
    expect(told).toContainEqual(
      expect.objectContaining({
        acceptance: body.id,
        cause: 'expired',
        subject: { kind: 'workspace', id: '*', name: '*' },
      }),
    );
  });

  it('is told by mail when it is over', async () => {
    expect((await mailed('What a blast radius was accepted as is over.')).text).toContain('lee@acme.example');
  });

  it('is taken back', async () => {
    const [current] = (await world.ok('GET', '/v1/blast-radius/acceptances?agent=desk-bot')).data;
    const path = `/v1/blast-radius/acceptances/${current.id}/end`;
    expect(await world.ok('POST', path, { reason: 'the team has changed' }, { key: lee })).toMatchObject({
      status: 'ended',
    });
    expect(await world.refused('POST', path, { reason: 'again' }, { key: lee })).toBe('acceptance_ended');
    expect((await world.ok('GET', '/v1/blast-radius?agent=desk-bot')).acceptance).toBeNull();
  });

  async function raise(to: string): Promise<void> {
    const { document } = await world.ok('GET', `/v1/roles/${ROLE}`);
    const guards = document.guards.map((guard: { id: string }) => {
      if (guard.id === 'agent-money') return { ...guard, when: { field: 'sum(usd, 24h)', lte: to } };
      return guard.id === 'transfer-day'
        ? { ...guard, when: { field: 'sum(payments, 24h)', lte: to === '$10000' ? '$8000' : to } }
        : guard;
    });
    await world.ok('PUT', `/v1/roles/${ROLE}`, { ...document, guards });
  }
});

describe('on the command line', () => {
  const hivekey = (args: readonly string[], key = world.server.adminKey) =>
    runCli(args, { env: { HOME: '/nonexistent', HIVEKEY_URL: world.server.url, HIVEKEY_KEY: key } });

  it('the worked example is a table', async () => {
    const { code, out, err } = await hivekey(['blast-radius', 'desk-bot']);
    expect(code).toBe(0);
    const rows = out.split('\n').map((line) => line.trim().split(/ {2,}/));
    expect(rows).toContainEqual(['money (USD)', 'alone', '$10,000', '$10,000', '$10,000', '$70,000', 'agent-money']);
    expect(rows.map(([measure]) => measure)).toContain('records deleted');
    expect(err).toContain('Not in the numbers: harm done by the content of a message that is permitted');
    expect((await hivekey(['blast-radius', 'desk-bot', '--role', ROLE])).code).toBe(2);
  });

  it('lists the fleet and what could be taken away', async () => {
    expect((await hivekey(['blast-radius', 'agents'])).out).toContain('records_changed: UNBOUNDED');
    expect((await hivekey(['blast-radius', 'acceptances'])).out).toContain('reviewed with finance');
    const { code, err } = await hivekey(['least-privilege']);
    expect([code, err]).toEqual([0, expect.stringContaining('Not enough is known')]);
    expect((await hivekey(['least-privilege', 'draft', 'lpp_0'])).err).toContain('proposal_not_found');
  });
});

describe('certificates', () => {
  it('say that what is let through is what the numbers are made of', async () => {
    const made = await world.ok('POST', '/v1/blast-radius/certificates');
    const { policy } = await world.ok('GET', '/v1/blast-radius');
    expect(made).toMatchObject({ policy, differences: 0, differing: [], actor: expect.stringMatching(/^key:/) });
    expect(made.inputs).toBeGreaterThan(made.cells);
    const [record] = await world.events('kind=blast_radius.swept', 1);
    expect(record).toMatchObject({ certificate: made.id, sweep_digest: made.sweep_digest, differences: 0 });
    // files-bot has no bound.
    const [unbounded] = await world.events('kind=blast_radius.unbounded', 1);
    expect(unbounded).toMatchObject({ agents: ['files-bot'], agents_count: 1 });
    const again = await world.ok('POST', '/v1/blast-radius/certificates');
    expect([again.numbers_digest, again.sweep_digest]).toEqual([made.numbers_digest, made.sweep_digest]);
    expect((await world.ok('GET', '/v1/blast-radius/certificates')).data.map(({ id }: { id: string }) => id)).toEqual([
      again.id,
      made.id,
    ]);
    expect(await world.events('kind=blast_radius.unbounded', 1)).toHaveLength(1);
  });

  it('find a decision function that lets through what the numbers do not hold, and tell of it', async () => {
    await world.role(
      'closed',
      ['crm.delete'],
      [{ id: 'never', action: 'crm.delete', when: { field: 'action', eq: 'crm.delete' }, effect: 'deny' }],
    );
    await world.agent('closed-bot', { role: 'closed' });
    const { config, ownerUrl } = world.server;
    const keys = loadServerKeys(config.data, undefined);
    const { pool, url, close } = await openDatabase({ ownerUrl, roleKey: keys.databaseRole });
    const log = await createActionLog({ pool, connectionString: url, nodeId: 'other', signingKey: keys.signing });
    const worlds = new Worlds(pool);
    const { rows } = await pool.query<{ id: WorkspaceId }>('SELECT id FROM workspaces');
    const workspaceId = rows[0]?.id ?? ('' as WorkspaceId);
    const read = await worlds.read(workspaceId);
    // As if a change of the code had lost the guards of roles: what they always refuse is let through.
    const unguarded = (set: PolicySet) =>
      compilePolicy({ ...set, roles: set.roles.map((role) => ({ ...role, guards: [] })) });
    const swept = async (judged: RadiusWorld) => sweepWorld(judged, (each) => sweep(each, unguarded));
    const made = await certify({ pool, log, version: 'test', worlds, swept }, workspaceId, 'system', read);
    expect(made.differences).toBeGreaterThan(0);
    expect(made.differing).toContainEqual({
      roles: ['closed'],
      capability: 'crm.delete',
      asked: 'alone',
      computed: 'never',
    });

    // Two nodes see that policy and roles are quiet; one of them makes the certificate.
    const before = (await world.ok('GET', '/v1/blast-radius/certificates')).data.length;
    const logger = createLogger('silent');
    const context = { pool, log, version: 'test', logger, clock: Date.now, quietMs: 0 };
    const nodes = [0, 1].map(() => watchBlastRadius({ ...context, worlds: new Worlds(pool) }));
    const [byItself] = await vi.waitFor(
      async () => {
        const { data } = await world.ok('GET', '/v1/blast-radius/certificates');
        if (data.length === before) throw new Error('no certificate yet');
        return data;
      },
      { timeout: 20_000, interval: 50 },
    );
    expect(byItself).toMatchObject({ actor: 'system', differences: 0 });
    await Promise.all(nodes.map((node) => node.close()));
    expect((await world.ok('GET', '/v1/blast-radius/certificates')).data).toHaveLength(before + 1);
    await log.close();
    await close();
    const [told] = await world.events('kind=blast_radius.differs', 1);
    expect(told).toMatchObject({ certificate: made.id, severity: 'critical', differences: made.differences });
    expect(await world.ok('POST', '/v1/blast-radius/certificates')).toMatchObject({ differences: 0 });
  });
});

describe('an administrator of another workspace', () => {
  let stranger: string;
  beforeAll(async () => {
    stranger = await addWorkspace(world.server);
  });

  it.each([
    ['GET', '/v1/blast-radius?agent=desk-bot', undefined, 'agent_not_found'],
    ['GET', `/v1/blast-radius?role=${ROLE}`, undefined, 'role_not_found'],
    ['GET', '/v1/blast-radius?owner=dana@acme.example', undefined, 'person_not_found'],
    [
      'POST',
      '/v1/blast-radius/what-if',
      { agent: 'desk-bot', operations: [{ type: 'role', id: ROLE, document: null }] },
      'agent_not_found',
    ],
    [
      'POST',
      '/v1/blast-radius/acceptances',
      { agent: 'desk-bot', digest: `sha256:${'0'.repeat(64)}`, until: 4_000_000_000, reason: 'mine' },
      'agent_not_found',
    ],
    ['DELETE', '/v1/tool-limits/bank', undefined, 'tool_limit_not_found'],
    ['GET', '/v1/least-privilege/proposals?agent=desk-bot', undefined, 'agent_not_found'],
    [
      'POST',
      '/v1/least-privilege/proposals/lpp_0/dismiss',
      { reason: 'mine', until: 4_000_000_000 },
      'proposal_not_found',
    ],
    ['POST', '/v1/least-privilege/proposals/lpp_0/change', {}, 'proposal_not_found'],
  ])('is refused %s %s', async (method, path, body, code) => {
    expect(await world.refused(method, path, body, { key: stranger })).toBe(code);
  });

  it('sees none of its numbers, acceptances and limits, and does not reach them by id', async () => {
    await world.ok('PUT', '/v1/tool-limits/bank', {
      over: ['*'],
      unit: 'usd',
      limit: 1,
      window_seconds: 60,
      window: 'sliding',
      source: 'first workspace',
    });
    const [acceptance] = (await world.ok('GET', '/v1/blast-radius/acceptances')).data;
    for (const path of [
      '/v1/blast-radius',
      '/v1/blast-radius/agents',
      '/v1/blast-radius/acceptances',
      '/v1/blast-radius/certificates',
      '/v1/blast-radius/settings',
      '/v1/tool-limits',
      '/v1/least-privilege/proposals',
    ]) {
      const answer = JSON.stringify(await world.ok('GET', path, undefined, { key: stranger }));
      expect(answer).not.toMatch(/desk-bot|finance-desk|first workspace|lee@acme|monitoring team/);
    }
    const path = `/v1/blast-radius/acceptances/${acceptance.id}`;
    expect(await world.refused('GET', path, undefined, { key: stranger })).toBe('acceptance_not_found');
    expect(await world.refused('POST', `${path}/end`, { reason: 'mine' }, { key: stranger })).toBe(
      'acceptance_not_found',
    );
  });
});
