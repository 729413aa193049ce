import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, type World } from '../agents/world.ts';

let world: World;
let owner: pg.Client;
let lee: string;

interface Proposal {
  readonly id: string;
  readonly kind: string;
  readonly subject: { readonly type: string; readonly id: string; readonly agent: string | null };
  readonly sentence: string;
  readonly evidence: { readonly largest_use: number | null; readonly cap: number | null; readonly query: string };
  readonly operations: readonly { readonly document: { readonly scope: { readonly allow: string[] } } }[];
}

beforeAll(async () => {
  world = await openWorld();
  owner = new pg.Client({ connectionString: world.server.ownerUrl });
  await owner.connect();
  await world.capability('payments.pay', { impact: { usd: { field: 'amount', currency: 'USD' } } });
  for (const name of ['payments.void', 'mail.send', 'notes.write', 'notes.read']) await world.capability(name);
  await world.role(
    'billing',
    ['payments.pay', 'payments.void'],
    [
      {
        id: 'day',
        action: 'payments.pay',
        when: { field: 'sum(usd, 24h)', lte: '$5,000' },
        effect: 'allow',
        otherwise: 'deny',
      },
      {
        id: 'hour',
        action: 'payments.pay',
        when: { field: 'rate.per_hour', lte: 4 },
        effect: 'allow',
        otherwise: 'deny',
      },
      { id: 'large', action: 'payments.pay', when: { field: 'amount', gt: 1000 }, effect: 'review' },
    ],
  );
  await world.role('mailer', ['mail.send']);
  await world.role('writer', ['notes.write', 'notes.read']);
  await world.role('spare', ['notes.read']);
  await world.agent('bill-bot', { role: 'billing', roles: ['billing', 'mailer'] });
  await world.agent('note-bot', { role: 'writer' });
  await world.agent('clerk', { role: 'writer', roles: ['writer', 'mailer'] });
  const { key } = await world.ok('POST', '/v1/keys', { name: 'lee', person: 'dana@acme.example' });
  lee = key;

  const bill = await world.token('bill-bot');
  for (const amount of [300, 250, 100]) await world.act(bill, 'payments.pay', { amount });
  const note = await world.token('note-bot');
  await world.act(note, 'notes.write', {});
  const clerk = await world.token('clerk');
  await world.act(clerk, 'mail.send', {});
  await world.act(clerk, 'notes.write', {});
  await world.events('kind=tool.call', 6);
});
afterAll(async () => {
  await owner.end();
  await world.server.close();
});

async function proposals(query = 'days=90'): Promise<Proposal[]> {
  return (await world.ok('GET', `/v1/least-privilege/proposals?${query}`)).data;
}

/** As if all of it had been there for 100 days. */
async function age(): Promise<void> {
  await owner.query('SET session_replication_role = replica');
  for (const statement of [
    `UPDATE role_revisions SET created_at = created_at - interval '100 days'`,
    `UPDATE agent_roles SET granted_at = granted_at - interval '100 days'`,
    `UPDATE agent_role_history SET granted_at = granted_at - interval '100 days'`,
    `UPDATE use_cursors SET calls_from = calls_from - interval '100 days', limits_from = limits_from - interval '100 days'`,
  ])
    await owner.query(statement);
  await owner.query('RESET session_replication_role');
}

describe('least privilege', () => {
  it('proposes nothing where the log does not cover the time', async () => {
    const answer = await world.ok('GET', '/v1/least-privilege/proposals?days=90');
    expect(answer).toMatchObject({ data: [], period: { covered: false, limits_covered: false } });
    expect(answer.period.calls_known_from).not.toBeNull();
  });

  it('proposes what nobody used, with the evidence and the document that it would be', async () => {
    await age();
    const found = await proposals();
    const told = found.map(({ kind, subject, sentence }) => [kind, subject.agent ?? subject.id, sentence]);
    expect(told.sort()).toEqual(
      [
        [
          'unused_grant',
          'billing',
          'Nobody who wears billing has called payments.void in this time: take the grant away.',
        ],
        ['unused_grant', 'writer', 'Nobody who wears writer has called notes.read in this time: take the grant away.'],
        ['unused_role', 'bill-bot', 'bill-bot has called nothing that mailer grants in this time: take the role off.'],
        ['unworn_role', 'spare', 'No agent has worn spare in this time: remove it.'],
        [
          'wide_cap',
          'billing',
          'billing: “payments.pay: at most $5000.00 in any 24 hours per agent.” was used up to $650.00 of $5000.00: lower it to $980.00.',
        ],
        [
          'idle_approval',
          'billing',
          'billing: “payments.pay: when amount is more than 1000, a person must approve.” held no call in this time.',
        ],
      ].sort(),
    );
    const cap = found.find(({ kind }) => kind === 'wide_cap');
    expect(cap?.evidence).toMatchObject({ largest_use: 65_000, cap: 500_000 });
    expect(JSON.stringify(cap?.operations)).toContain('"lte":"$980"');
    const grant = found.find(({ kind, subject }) => kind === 'unused_grant' && subject.id === 'billing');
    expect(grant?.operations).toMatchObject([
      { type: 'role', id: 'billing', document: { scope: { allow: ['payments.pay'] } } },
    ]);
    // The evidence can be looked at.
    expect((await world.ok('GET', grant?.evidence.query ?? '')).data).toEqual([]);
  });

  it('is of one agent what it wears', async () => {
    const found = await proposals('days=90&agent=bill-bot');
    expect(new Set(found.map(({ subject }) => subject.agent ?? subject.id))).toEqual(new Set(['billing', 'bill-bot']));
    expect(await proposals('days=90&kind=unworn_role')).toHaveLength(1);
  });

  it('counts a call on behalf of another agent as use by both', async () => {
    const { rows } = await owner.query<{ id: string }>(`SELECT id FROM agents WHERE handle = 'bill-bot'`);
    const clerk = await world.token('clerk');
    await world.act(clerk, 'mail.send', {});
    const [newest] = await world.events('kind=tool.call&agent=clerk', 3);
    await owner.query(
      `UPDATE actions SET record = record || jsonb_build_object('chain', jsonb_build_array(jsonb_build_object('agent_id', $2::text)))
        WHERE event_id = $1`,
      [newest.event_id, rows[0]?.id],
    );
    expect((await proposals()).some(({ kind }) => kind === 'unused_role')).toBe(false);
  });

  it('becomes a draft of a change, several in one where asked', async () => {
    const found = await proposals();
    const [cap, grant] = [
      found.find(({ kind }) => kind === 'wide_cap'),
      found.find(({ kind, subject }) => kind === 'unused_grant' && subject.id === 'billing'),
    ];
    const change = await world.ok(
      'POST',
      `/v1/least-privilege/proposals/${cap?.id}/change`,
      { with: [grant?.id] },
      { key: lee },
    );
    expect(change).toMatchObject({ object: 'change', status: 'draft', objects: [{ type: 'role', id: 'billing' }] });
    const [{ document }] = change.operations;
    expect(document.scope.allow).toEqual(['payments.pay']);
    expect(JSON.stringify(document)).toContain('$980');
    const idle = found.find(({ kind }) => kind === 'idle_approval');
    const path = `/v1/least-privilege/proposals/${idle?.id}/change`;
    expect(await world.refused('POST', path, {}, { key: lee })).toBe('nothing_to_change');
    expect(await world.refused('POST', '/v1/least-privilege/proposals/lpp_0/change', {}, { key: lee })).toBe(
      'proposal_not_found',
    );
  });

  it('is dismissed with a reason, for a while', async () => {
    const [first] = await proposals('days=90&kind=unworn_role');
    const path = `/v1/least-privilege/proposals/${first?.id}/dismiss`;
    const until = Math.floor(Date.now() / 1000) + 86_400;
    expect(await world.refused('POST', path, { reason: 'for the fourth quarter', until: 0 })).toBe('until_invalid');
    const seen = await world.ok('POST', path, { reason: 'for the fourth quarter', until });
    expect(seen.dismissed).toMatchObject({ reason: 'for the fourth quarter', until });
    expect(await proposals('days=90&kind=unworn_role')).toEqual([]);
    expect(await proposals('days=90&kind=unworn_role&dismissed=true')).toHaveLength(1);
    await world.events('kind=least_privilege.dismissed', 1);
  });

  it('says nothing of a role that is used through a breaker or a freeze', async () => {
    await world.role('spare-2', []);
    await world.ok('PUT', '/v1/breakers/probes', {
      signal: 'probes',
      threshold: 10,
      window_seconds: 60,
      roles: ['spare-2'],
    });
    await age();
    expect((await proposals('days=90&kind=unworn_role&dismissed=true')).map(({ subject }) => subject.id)).toEqual([
      'spare',
    ]);
  });
});
