/** The four answers about an agent: every claim has a record that is there, or says that there is none. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, type World } from '../agents/world.ts';

let world: World;
let token: string;

interface Claim {
  readonly topic: string;
  readonly sentence: string;
  readonly record: string | null;
  readonly computed_from: string | null;
  readonly missing: boolean;
}

beforeAll(async () => {
  world = await openWorld();
  await world.capability('crm.update', { access: 'write' });
  await world.role('support', ['crm.update']);
  await world.agent('desk-bot');
  token = await world.token('desk-bot');
  for (const id of ['1', '2', '3']) await world.act(token, 'crm.update', { id });
  await world.act(token, 'crm.delete', {});
  await world.events('agent=desk-bot&kind=tool.call', 4);
});

afterAll(() => world.server.close());

function answer(
  question: string,
  query = '',
): Promise<Record<string, unknown> & { claims: Claim[]; sentence: string }> {
  return world.ok('GET', `/v1/agents/desk-bot/answers/${question}${query}`);
}

describe('an answer', () => {
  it.each(['authority', 'blast_radius', 'activity', 'revocation'])(
    'to %s claims nothing without saying from where',
    async (question) => {
      const { claims, sentence } = await answer(question);
      expect(sentence).toContain('desk-bot');
      expect(claims.length).toBeGreaterThan(1);
      for (const claim of claims) {
        expect(claim.missing).toBe(claim.record === null && claim.computed_from === null);
        // The record is not only named: it is there.
        if (claim.record !== null)
          expect((await world.call('GET', `/v1/audit/events/${claim.record}`)).status).toBe(200);
      }
    },
  );

  it('says that nobody approved what nobody approved, and nobody accepted what nobody accepted', async () => {
    const missing = [...(await answer('authority')).claims, ...(await answer('blast_radius')).claims]
      .filter((claim) => claim.missing)
      .map(({ topic }) => topic);
    expect(missing).toEqual(
      expect.arrayContaining([
        'Request',
        'Made of',
        'Approval of the role',
        'Last review',
        'Segregation of duties',
        'Training of the approver',
        'Acceptance',
      ]),
    );
  });

  it('names the person whose key it was, and the key of nobody as it stands', async () => {
    await world.ok('POST', '/v1/people', { email: 'kim@acme.example' });
    const { key } = await world.ok('POST', '/v1/keys', { name: 'kims', person: 'kim@acme.example', roles: ['admin'] });
    const body = { name: 'kims-bot', role: 'support', owner: 'dana@acme.example' };
    expect((await world.call('POST', '/v1/agents', { key, body })).status).toBe(201);
    const { claims } = await world.ok('GET', '/v1/agents/kims-bot/answers/authority');
    const who = 'kim@acme.example (key:kims)';
    expect(claims).toContainEqual(
      expect.objectContaining({ topic: 'Creation', sentence: `${who} created it.`, by: who }),
    );
    expect((await answer('authority')).sentence).toContain('created by key:first without');
    // In other hands, the name says no more who it was.
    await world.ok('POST', '/v1/people', { email: 'max@acme.example' });
    const { data } = await world.ok('GET', '/v1/keys?limit=100');
    const { id } = data.find(({ name }: { name: string }) => name === 'kims');
    await world.ok('POST', `/v1/keys/${id}/rotate`, { person: 'max@acme.example' });
    const rotated = await world.ok('GET', '/v1/agents/kims-bot/answers/authority');
    expect(rotated.claims).toContainEqual(expect.objectContaining({ topic: 'Creation', by: 'key:kims' }));
  });

  it('counts what was allowed and what was denied', async () => {
    const { sentence, claims, tables } = await answer('activity');
    expect(sentence).toContain('3 calls allowed, 1 denied, 0 held');
    expect(claims.map((claim) => claim.topic)).toEqual(expect.arrayContaining(['First call', 'Last call', 'Gaps']));
    expect(tables).toMatchObject([
      { name: 'actions', rows: expect.arrayContaining([['crm.update', 3, 0, 0]]) },
      { name: 'units' },
      { name: 'days' },
    ]);
  });

  it('knows how long a stop takes once one was rehearsed, and not before', async () => {
    const before = await answer('revocation');
    expect(before.sentence).toContain('Nothing has measured');
    expect(before.claims).toContainEqual(expect.objectContaining({ topic: 'Shown', missing: true }));
    const { id } = await world.ok('POST', '/v1/containments/rehearsals', { agent: 'desk-bot' });
    await world.events('kind=rehearsal.ended', 1);
    const after = await answer('revocation');
    expect(after.sentence).toContain('1 stops and rehearsals');
    expect(after.claims).toContainEqual(expect.objectContaining({ topic: 'Rehearsal', missing: false }));
    expect(JSON.stringify(after)).not.toContain('"Shown"');
    expect(id).toMatch(/^reh_/);
  });

  it('is not given about an agent that is not there, an instant to come, or a time that ends before it begins', async () => {
    expect(await world.refused('GET', '/v1/agents/nobody/answers/authority')).toBe('agent_not_found');
    expect(await world.refused('GET', '/v1/agents/desk-bot/answers/authority?at=2100-01-01T00:00:00Z')).toBe(
      'at_in_future',
    );
    expect(
      await world.refused(
        'GET',
        '/v1/agents/desk-bot/answers/activity?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z',
      ),
    ).toBe('period_invalid');
    expect(
      await world.refused(
        'GET',
        '/v1/agents/desk-bot/answers/revocation?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z',
      ),
    ).toBe('period_invalid');
  });

  it('is also given on paper', async () => {
    const response = await fetch(new URL('/v1/agents/desk-bot/answers/authority/pdf', world.server.url), {
      headers: { authorization: `Bearer ${world.server.adminKey}` },
    });
    expect(response.headers.get('content-type')).toBe('application/pdf');
    expect(response.headers.get('content-disposition')).toBe('attachment; filename="authority-desk-bot.pdf"');
    expect(
      Buffer.from(await response.arrayBuffer())
        .subarray(0, 5)
        .toString(),
    ).toBe('%PDF-');
  });

  it('leaves word on the log of who asked', async () => {
    const reads = await world.events('kind=log.read', 1);
    expect(JSON.stringify(reads)).toContain('"answer"');
  });
});
