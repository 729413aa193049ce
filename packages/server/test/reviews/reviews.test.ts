/** Access reviews: what is frozen, who decides, what takes effect, and what a campaign is not closed without. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { addWorkspace } from '../agents/second-workspace.ts';
import type { Person } from '../changes/world.ts';
import { openReviews, POLICY, type ReviewWorld } from './world.ts';

const DAY_MS = 86_400_000;

let world: ReviewWorld;
let number = 0;

beforeAll(async () => {
  world = await openReviews();
  await world.capability('crm.read', { access: 'read' });
  await world.capability('crm.delete', { access: 'write', destructive: true });
  await world.role('support', ['crm.read']);
  await world.role('cleaner', ['crm.delete']);
}, 60_000);
afterAll(async () => {
  await world.closeSql();
  await world.server.close();
});

async function someAgent(change: object = {}): Promise<{ readonly id: string; readonly name: string }> {
  number += 1;
  return world.agent(`bot-${number}`, change);
}

/** A campaign about one new agent alone. */
async function about(change: object = {}) {
  const agent = await someAgent(change);
  const review = await world.launch({ types: ['assignment'], agents: [agent.id] });
  const items = await world.items(review.id);
  const [item] = items;
  return { agent, review, items, item };
}

const code = ({ body }: { readonly body: { readonly error?: { readonly code: string } } }) => body.error?.code;
const keep = { decision: 'keep', reason: 'it is used' };
const revoke = { decision: 'revoke', reason: 'nobody needs it' };

describe('a population', () => {
  it('is frozen whole, in one canonical file whose hash anybody can compute', async () => {
    const agent = await someAgent({ roles: ['support', 'cleaner'] });
    const gone = await someAgent();
    await world.ok('POST', `/v1/agents/${gone.id}/revoke`, { reason: 'over' });
    await world.token(agent.name);
    const review = await world.launch({
      types: [
        'assignment',
        'role',
        'credential',
        'delegation',
        'grant',
        'standing_approval',
        'break_glass',
        'temporary_grant',
      ],
    });
    const file = await fetch(`${world.server.url}/v1/reviews/${review.id}/population`, {
      headers: { authorization: `Bearer ${world.server.adminKey}` },
    });
    const bytes = Buffer.from(await file.arrayBuffer());
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(review.snapshot_sha256);
    const frozen = JSON.parse(bytes.toString());
    const items = await world.items(review.id);
    expect(frozen.items).toHaveLength(review.progress.items);
    expect(frozen.items.map(({ id }: { id: string }) => id).slice(0, items.length)).toEqual(items.map(({ id }) => id));
    const subjects = frozen.items.map(({ subject }: { subject: string }) => subject);
    expect(subjects).toContain(`assignment:${agent.id}:cleaner`);
    expect(subjects).toContain('role:support');
    expect(subjects.some((each: string) => each.startsWith('credential:token:'))).toBe(true);
    expect(subjects.some((each: string) => each.startsWith('credential:admin_key:'))).toBe(true);
    expect(subjects.filter((each: string) => each.includes(gone.id))).toEqual([]);
    expect(frozen.exclusions).toContainEqual(expect.objectContaining({ what: 'agents', count: 1 }));
    // What comes later is not in it, and nothing of it changes.
    const later = await someAgent();
    expect((await world.items(review.id)).map(({ agent_id }) => agent_id)).not.toContain(later.id);
    await expect(world.sql(`UPDATE review_populations SET document = '{}'`)).rejects.toThrow();
    for (const table of [
      'campaigns',
      'items',
      'assignments',
      'decisions',
      'remediations',
      'signatures',
      'rechecks',
      'populations',
      'policies',
    ])
      await expect(world.sql(`TRUNCATE review_${table} CASCADE`)).rejects.toThrow(/append|change|refus/i);
    await expect(world.sql('DELETE FROM review_items')).rejects.toThrow();
    await expect(world.sql('DELETE FROM review_campaigns')).rejects.toThrow();
    await world.ok('POST', `/v1/reviews/${review.id}/void`, { reason: 'only a look' }, { key: world.olga.key });
    await expect(
      world.sql(`UPDATE review_campaigns SET status = 'running', voided_at = NULL WHERE id = $1`, [review.id]),
    ).rejects.toThrow(/review_over/);
  });

  it('shows what changed since the last review, and the tier of what it grants', async () => {
    const agent = await someAgent({ roles: ['support', 'cleaner'] });
    const first = await world.launch({ types: ['assignment'], agents: [agent.id] });
    const items = await world.items(first.id);
    expect(items.map(({ tier, privileged }) => [tier, privileged])).toEqual([
      ['low', false],
      ['high', true],
    ]);
    expect(items[0].facts.changes).toEqual(['Never reviewed before.']);
    await world.keepRest(first.id);
    await world.role('wider', ['crm.read']);
    await world
      .ok('PATCH', '/v1/roles/support', { scope: { allow: ['crm.read', 'crm.write'] } })
      .catch(() => undefined);
    await world.capability('crm.write');
    await world
      .ok('PATCH', '/v1/roles/support', { scope: { allow: ['crm.read', 'crm.write'] } })
      .catch(() => undefined);
    const second = await world.launch({ types: ['assignment'], agents: [agent.id], roles: ['support'] });
    const [again] = await world.items(second.id);
    expect(again.facts.last_review).toMatchObject({ item: items[0].id, decision: 'keep' });
    expect(again.facts.changes.join(' ')).toContain('Grants more: crm.write.');
    await world.ok('PATCH', '/v1/roles/support', { scope: { allow: ['crm.read'] } });
  });
});

describe('nobody reviews themselves', () => {
  const attempts: readonly (readonly [
    string,
    (of: Awaited<ReturnType<typeof about>>) => Promise<string | undefined>,
    string,
  ])[] = [
    ['deciding', async ({ item }) => code(await world.decide(world.dana, item, keep)), 'review_self'],
    [
      'opening it',
      ({ item }) =>
        world.refused('POST', `/v1/reviews/${item.review}/items/${item.id}/open`, {}, { key: world.dana.key }),
      'review_self',
    ],
    [
      'having it reassigned to oneself',
      ({ item }) =>
        world.refused(
          'POST',
          `/v1/reviews/${item.review}/items/${item.id}/reassign`,
          { to: world.dana.email, reason: 'mine' },
          { key: world.erin.key },
        ),
      'review_self',
    ],
    [
      'the owner of the campaign handing it to them',
      ({ item }) =>
        world.refused(
          'POST',
          `/v1/reviews/${item.review}/items/${item.id}/reassign`,
          { to: world.dana.email, reason: 'they know' },
          { key: world.olga.key },
        ),
      'review_self',
    ],
    [
      'giving it to a friend',
      ({ item }) =>
        world.refused(
          'POST',
          `/v1/reviews/${item.review}/items/${item.id}/reassign`,
          { to: world.zoe.email, reason: 'a friend' },
          { key: world.dana.key },
        ),
      'review_self',
    ],
    [
      'another key of the same person, with every role',
      async ({ item }) => {
        const key = await world.keyOf(world.dana, `dana-${item.id}`, ['admin', 'reviewer']);
        return code(await world.decide({ ...world.dana, key }, item, keep));
      },
      'review_self',
    ],
    [
      'a key of the reviewer that the owner of the agent made',
      async ({ item }) => {
        const admin = await world.keyOf(world.dana, `dana-admin-${item.id}`, ['admin']);
        const { key } = await world.ok(
          'POST',
          '/v1/keys',
          { name: `stolen-${item.id}`, person: world.erin.email, roles: ['viewer'] },
          { key: admin },
        );
        return code(await world.decide({ ...world.erin, key }, item, keep));
      },
      'review_key_of_subject',
    ],
    [
      'a say that the reviewer handed over',
      async ({ item }) => {
        await world.ok(
          'POST',
          '/v1/delegations',
          { to: world.dana.email, ends_at: Math.floor(Date.now() / 1000) + 3600, reason: 'holiday' },
          { key: world.erin.key },
        );
        return code(await world.decide(world.dana, item, keep));
      },
      'review_self',
    ],
    [
      'an administrator who does not review it',
      async ({ item }) => code(await world.decide(world.olga, item, keep)),
      'review_not_yours',
    ],
    [
      'a key of nobody, with every role',
      ({ item }) => world.refused('POST', `/v1/reviews/${item.review}/items/${item.id}/decide`, keep),
      'person_required',
    ],
    [
      'a group that is in the map',
      async ({ item }) => {
        await world.ok('PATCH', `/v1/people/${world.dana.id}`, { groups: ['reviewers'] });
        return code(await world.decide(world.dana, item, keep));
      },
      'review_self',
    ],
  ];

  it.each(attempts)('%s is refused, and is on the log', async (_, attempt, refusal) => {
    const campaign = await about();
    expect(campaign.item.reviewers).toMatchObject([{ reviewer: 'erin@acme.example', basis: 'manager' }]);
    expect(await attempt(campaign)).toBe(refusal);
    await vi.waitFor(
      async () => {
        const records = await world.events('kind=review.refused&limit=5', 1);
        expect(records).toContainEqual(expect.objectContaining({ code: refusal, campaign: campaign.review.id }));
      },
      { interval: 20 },
    );
    // And beside it, whoever may.
    expect((await world.decide(world.erin, campaign.item, keep)).status).toBe(200);
  });

  it('is asked again when it is submitted: the reviewer has got the agent meanwhile', async () => {
    const { agent, item, review } = await about();
    expect((await world.decide(world.erin, item, keep)).status).toBe(200);
    await world.ok('PATCH', `/v1/agents/${agent.id}`, { owner: world.erin.email });
    expect(await world.refused('POST', `/v1/reviews/${review.id}/submit`, {}, { key: world.erin.key })).toBe(
      'review_self',
    );
    // It goes to somebody who may, by itself, and what was decided goes with whoever decided it.
    await vi.waitFor(
      async () => {
        const [now] = await world.items(review.id);
        expect(now.reviewers).toMatchObject([{ reviewer: 'sam@acme.example' }]);
        expect(now.history).toMatchObject([{ reviewer: 'erin@acme.example' }]);
        expect(now.decisions[0].superseded_at).not.toBeNull();
      },
      { timeout: 10_000, interval: 100 },
    );
  });

  it('leaves what nobody may review to the superior, and refuses a launch where not even they may', async () => {
    await world.ok(
      'PUT',
      '/v1/review-policy',
      { reviewers: { ...POLICY.reviewers, managers: [], fallbacks: [] }, reason: 'nobody' },
      { key: world.server.adminKey },
    );
    // Every reviewer and administrator has a part in the role.
    await world.role('theirs', ['crm.read']);
    for (const { email } of [world.sam, world.zoe, world.olga]) await someAgent({ role: 'theirs', owner: email });
    const review = await world.launch({ types: ['role'], roles: ['theirs'] });
    const [item] = await world.items(review.id);
    expect(item.reviewers).toMatchObject([
      { reviewer: 'sue@acme.example', basis: 'fallback', note: expect.stringContaining('superior') },
    ]);
    await someAgent({ role: 'theirs', owner: 'sue@acme.example' });
    expect(
      await world.refused(
        'POST',
        '/v1/reviews',
        { reason: 'x', types: ['role'], roles: ['theirs'] },
        { key: world.olga.key },
      ),
    ).toBe('review_reviewers_missing');
    const preview = await world.ok(
      'POST',
      '/v1/reviews/preview',
      { types: ['role'], roles: ['theirs'] },
      { key: world.olga.key },
    );
    expect(preview.unassigned).toMatchObject([{ subject: 'the role theirs' }]);
    await world.ok('PUT', '/v1/review-policy', { ...POLICY, reason: 'as it was' });
  });
});

describe('a decision', () => {
  it('takes a reason where it matters, is pending until it is submitted, and is not taken back then', async () => {
    const { item, review } = await about({ role: 'cleaner' });
    expect(await code(await world.decide(world.erin, item, { decision: 'keep' }))).toBe('review_reason_missing');
    expect((await world.decide(world.erin, item, { decision: 'revoke' })).status).toBe(400);
    await world.ok('POST', `/v1/reviews/${review.id}/items/${item.id}/open`, {}, { key: world.erin.key });
    const decided = await world.decide(world.erin, item, revoke);
    expect(decided.body).toMatchObject({
      status: 'pending',
      decision: null,
      own: { decision: 'revoke', submitted: false },
    });
    expect(decided.body.decisions[0].seconds_on_item).toBeGreaterThanOrEqual(0);
    expect((await world.decide(world.erin, item, keep)).body.decisions).toHaveLength(2);
    expect(await world.submit(world.erin, review.id)).toMatchObject({ submitted: 1, left: 0, remediations: [] });
    expect(code(await world.decide(world.erin, item, revoke))).toBe('review_submitted');
    expect(await world.refused('POST', `/v1/reviews/${review.id}/submit`, {}, { key: world.erin.key })).toBe(
      'review_nothing_to_submit',
    );
  });

  it('is made for several at once on the low tier alone, and for no more than the cap', async () => {
    const agents = [await someAgent(), await someAgent(), await someAgent({ roles: ['support', 'cleaner'] })];
    const { id } = await world.launch({ types: ['assignment'], agents: agents.map((agent) => agent.id) });
    const items = await world.items(id);
    const low = items.filter(({ tier }) => tier === 'low').map(({ id: item }) => item);
    const high = items.filter(({ tier }) => tier === 'high').map(({ id: item }) => item);
    const bulk = (ids: readonly string[]) => ({ items: ids, decision: 'keep', reason: 'read support' });
    const as = { key: world.erin.key };
    expect(await world.refused('POST', `/v1/reviews/${id}/decide`, bulk(low), as)).toBe('review_bulk_cap');
    expect(await world.refused('POST', `/v1/reviews/${id}/decide`, bulk(high), as)).toBe('review_bulk_tier');
    const { data } = await world.ok('POST', `/v1/reviews/${id}/decide`, bulk(low.slice(0, 2)), as);
    expect(
      new Set(data.map(({ decisions }: { decisions: { bulk_group: string }[] }) => decisions[0]?.bulk_group)).size,
    ).toBe(1);
    expect(data[0].decisions[0].bulk_group).toMatch(/^rvb_/);
  });

  it('revokes what was revoked: the role is gone, the state was read again, and a dry run denies', async () => {
    const { agent, item, review } = await about({ roles: ['support', 'cleaner'] });
    const token = await world.token(agent.name);
    expect((await world.act(token, 'crm.read')).status).toBe(200);
    await world.decide(world.erin, item, revoke);
    const { remediations } = await world.submit(world.erin, review.id);
    expect(remediations).toEqual([`${item.id}-R1`]);
    const [remediation] = await world.remediations(review.id);
    expect(remediation).toMatchObject({
      status: 'verified',
      kind: 'revoke',
      executed_by: expect.stringContaining('key:erin'),
    });
    expect(createHash('sha256').update(remediation.verified_state).digest('hex')).toBe(
      remediation.verified_state_sha256,
    );
    expect(JSON.parse(remediation.verified_state)).toMatchObject({
      roles: ['cleaner'],
      dry_run: { 'crm.read': 'deny' },
    });
    expect((await world.ok('GET', `/v1/agents/${agent.id}`)).roles).toEqual(['cleaner']);
    expect((await world.act(token, 'crm.read')).status).toBe(403);
  });

  it('suspends first where it is staged, and goes on when its time has come', async () => {
    const { agent, item, review } = await about();
    await world.decide(world.erin, item, { ...revoke, staged_days: 7 });
    await world.submit(world.erin, review.id);
    expect(await world.remediations(review.id)).toMatchObject([{ status: 'staged' }]);
    expect(await world.ok('GET', `/v1/agents/${agent.id}`)).toMatchObject({ status: 'suspended', roles: ['support'] });
    await world.sql(`ALTER TABLE review_remediations DISABLE TRIGGER ALL`);
    await world.sql(`UPDATE review_remediations SET not_before = now() - interval '1 second' WHERE campaign_id = $1`, [
      review.id,
    ]);
    await world.sql(`ALTER TABLE review_remediations ENABLE TRIGGER ALL`);
    await vi.waitFor(async () => expect(await world.remediations(review.id)).toMatchObject([{ status: 'verified' }]), {
      timeout: 10_000,
      interval: 100,
    });
    expect((await world.ok('GET', `/v1/agents/${agent.id}`)).roles).toEqual([]);
  });

  it('is carried on where a node died over it', async () => {
    const { agent, item, review } = await about();
    await world.decide(world.erin, item, revoke);
    await world.submit(world.erin, review.id);
    // As if the node that claimed it had not come as far as to do anything.
    await world.sql(
      `UPDATE review_remediations SET claimed_until = now() - interval '1 second', executed_at = NULL, executed_by = NULL, verified_at = NULL,
              verification_method = NULL, verified_state = NULL, verified_sha256 = NULL WHERE campaign_id = $1`,
      [review.id],
    );
    await world.ok('PATCH', `/v1/agents/${agent.id}`, { roles: ['support'] });
    await vi.waitFor(async () => expect(await world.remediations(review.id)).toMatchObject([{ status: 'verified' }]), {
      timeout: 10_000,
      interval: 100,
    });
    expect((await world.ok('GET', `/v1/agents/${agent.id}`)).roles).toEqual([]);
  });

  it('modifies by documents of the item alone', async () => {
    const { item, review } = await about();
    const document = { roles: ['cleaner'] };
    const elsewhere = {
      decision: 'modify',
      reason: 'x',
      modification: { kind: 'documents', operations: [{ type: 'assignment', id: 'agt_other', document }] },
    };
    expect(code(await world.decide(world.erin, item, elsewhere))).toBe('modification_elsewhere');
    const operations = [{ type: 'assignment', id: item.agent_id, document }];
    await world.decide(world.erin, item, {
      decision: 'modify',
      reason: 'it only cleans',
      modification: { kind: 'documents', operations },
    });
    await world.submit(world.erin, review.id);
    expect(await world.remediations(review.id)).toMatchObject([{ kind: 'modify', status: 'verified' }]);
    const used = { decision: 'modify', reason: 'x', modification: { kind: 'reduce_to_used' } };
    const other = await about();
    expect(code(await world.decide(world.erin, other.item, used))).toBe('nothing_to_reduce');
  });

  it('goes up, never back, when it is escalated', async () => {
    const { item } = await about();
    const { body } = await world.decide(world.erin, item, { decision: 'escalate', reason: 'I cannot judge this' });
    expect(body.reviewers).toMatchObject([{ reviewer: 'olga@acme.example', basis: 'fallback' }]);
    expect(code(await world.decide(world.erin, item, keep))).toBe('review_not_yours');
    expect((await world.decide(world.olga, item, keep)).status).toBe(200);
  });

  it('of several reviewers is revoke as soon as one says so', async () => {
    await world.ok('PUT', '/v1/review-policy', {
      reviewers: { ...POLICY.reviewers, data_owners: [{ capabilities: 'crm.*', reviewer: world.zoe.email }] },
      reason: 'data has an owner',
    });
    const { item, review } = await about({ role: 'cleaner' });
    expect(item.reviewers.map(({ basis }: { basis: string }) => basis)).toEqual(['manager', 'data owner']);
    await world.decide(world.erin, item, keep);
    await world.submit(world.erin, review.id);
    expect((await world.items(review.id))[0]).toMatchObject({ decision: null });
    await world.decide(world.zoe, item, revoke);
    await world.submit(world.zoe, review.id);
    expect((await world.items(review.id))[0]).toMatchObject({ decision: 'revoke' });
    await world.ok('PUT', '/v1/review-policy', { ...POLICY, reason: 'as it was' });
  });

  it('waits for another person where changes are reviewed, and keeps the campaign open until it is in force', async () => {
    await world
      .role(
        'guarded',
        ['crm.read'],
        [
          {
            id: 'g',
            action: 'crm.read',
            when: { kind: 'count', limit: 5, window: '1h' },
            effect: 'allow',
            otherwise: 'deny',
          },
        ],
      )
      .catch(() => world.role('guarded', ['crm.read']));
    const { agent, item, review } = await about({ role: 'guarded' });
    await world.settings({ types: ['assignment', 'role'] });
    await world.decide(world.erin, item, {
      decision: 'modify',
      reason: 'swap it',
      modification: {
        kind: 'documents',
        operations: [{ type: 'assignment', id: agent.id, document: { roles: ['support'] } }],
      },
    });
    await world.submit(world.erin, review.id);
    const [waiting] = await world.remediations(review.id);
    expect(waiting).toMatchObject({ status: 'in_review', change: expect.stringMatching(/^chg_/), problem: null });
    expect(
      (await world.review(review.id)).gates.find(({ gate }: { gate: string }) => gate === 'remediated'),
    ).toMatchObject({ passed: false });
    const change = await world.previewed({ id: waiting.change });
    expect(change).toMatchObject({ author: expect.stringContaining('erin'), ticket: item.id, status: 'submitted' });
    expect((await world.approve(world.sam, change)).status).toBe(200);
    await world
      .ok('POST', `/v1/reviews/${review.id}/remediations/${waiting.id}/retry`, {}, { key: world.sam.key })
      .catch(() => undefined);
    await vi.waitFor(async () => expect(await world.remediations(review.id)).toMatchObject([{ status: 'verified' }]), {
      timeout: 10_000,
      interval: 100,
    });
    expect((await world.ok('GET', `/v1/agents/${agent.id}`)).roles).toEqual(['support']);
    const settings = await world.ok('GET', '/v1/change-settings');
    await world.sql(`SELECT 1`);
    expect(settings.mode).toBe('reviewed');
  });
});

describe('the end of a campaign', () => {
  it('is refused gate by gate, and a revoke that did not last keeps it open', async () => {
    await backToDirect();
    const agents = [await someAgent({ roles: ['support', 'cleaner'] }), await someAgent()];
    const review = await world.launch({ types: ['assignment'], agents: agents.map(({ id }) => id) });
    const close = () => world.refused('POST', `/v1/reviews/${review.id}/close`, {}, { key: world.olga.key });
    const sign = (by: Person, capacity: string) =>
      world.call('POST', `/v1/reviews/${review.id}/signatures`, { body: { capacity }, key: by.key });
    expect(await close()).toBe('review_undecided');
    expect(code(await sign(world.erin, 'reviewer'))).toBe('review_signature_early');
    const items = await world.items(review.id);
    const taken = items.find(({ agent_id: id, role }) => id === agents[0]?.id && role === 'support');
    await world.decide(world.erin, taken, revoke);
    await world.submit(world.erin, review.id);
    await world.keepRest(review.id);
    // Drawn with a seed, of what was kept.
    const drawn = await vi.waitFor(
      async () => {
        const { data } = await world.ok('GET', `/v1/reviews/${review.id}/rechecks`);
        expect(data.length).toBeGreaterThan(0);
        return data;
      },
      { timeout: 10_000, interval: 100 },
    );
    expect(drawn).toHaveLength(1);
    expect(await close()).toBe('review_recheck_open');
    const look = (by: Person, result: string) =>
      world.call('POST', `/v1/reviews/${review.id}/rechecks/${drawn[0].item}`, {
        body: { result, reason: 'looked' },
        key: by.key,
      });
    expect(code(await look(world.erin, 'agree'))).toBe('role_missing');
    expect((await look(world.sam, 'agree')).status).toBe(200);
    // Given back behind the review's back.
    await world.ok('PATCH', `/v1/agents/${agents[0]?.id}`, { roles: ['cleaner', 'support'] });
    expect(await close()).toBe('review_remediation_open');
    // That it held once stays on record; it is carried out again by itself.
    await vi.waitFor(
      async () => {
        const [once, again] = await world.remediations(review.id);
        expect([once, again]).toMatchObject([{ status: 'verified' }, { status: 'verified', id: `${taken?.id}-R2` }]);
      },
      { timeout: 15_000, interval: 100 },
    );
    expect(await close()).toBe('review_unsigned');
    expect(code(await sign(world.zoe, 'owner'))).toBe('review_not_yours');
    const signed = await sign(world.erin, 'reviewer');
    expect(signed.status).toBe(201);
    expect(code(await sign(world.erin, 'reviewer'))).toBe('review_signed');
    expect(JSON.parse(signed.body.document)).toMatchObject({
      capacity: 'reviewer',
      person: 'erin@acme.example',
      population_sha256: review.snapshot_sha256,
      authentication: { via: 'key', mfa_at: null },
    });
    expect(signed.body.note).toContain(createHash('sha256').update(signed.body.document).digest('hex'));
    expect((await sign(world.olga, 'owner')).status).toBe(201);
    expect(await close()).toBe('review_not_countersigned');
    expect(code(await sign(world.dana, 'countersigner'))).toBe('review_countersigner_inside');
    expect(code(await sign(world.erin, 'countersigner'))).toBe('review_countersigner_inside');
    expect((await sign(world.zoe, 'countersigner')).status).toBe(201);
    const closed = await world.ok('POST', `/v1/reviews/${review.id}/close`, {}, { key: world.olga.key });
    expect(closed).toMatchObject({ status: 'closed', gates: closed.gates.map(() => ({ passed: true })) });
    expect(code(await world.decide(world.erin, items[0], keep))).toBe('review_over');
    expect(await world.events(`kind=review.closed`, 1)).toMatchObject([{ campaign: review.id, late: false }]);
  });

  it('takes two people to leave a remediation open', async () => {
    await backToDirect();
    const { item, review } = await about();
    await world.decide(world.erin, item, { ...revoke, staged_days: 7 });
    await world.submit(world.erin, review.id);
    const path = `/v1/reviews/${review.id}/remediations/${item.id}-R1/exception`;
    const until = Math.floor(Date.now() / 1000) + 86_400;
    const approve = (by: Person) => world.call('POST', `${path}/approve`, { body: {}, key: by.key });
    expect(code(await approve(world.sam))).toBe('exception_missing');
    expect(
      await world.refused('POST', path, { reason: 'x', until: until + 400 * 86_400 }, { key: world.sam.key }),
    ).toBe('exception_until');
    await world.ok('POST', path, { reason: 'a migration', until }, { key: world.sam.key });
    expect(code(await approve(world.sam))).toBe('exception_own');
    expect((await approve(world.zoe)).body).toMatchObject({
      status: 'excepted',
      exception: { requested_by: 'sam@acme.example', approved_by: 'zoe@acme.example' },
    });
  });

  it('that somebody disagrees with opens the item again, and signatures lapse', async () => {
    const { item, review } = await about();
    await world.keepRest(review.id);
    await vi.waitFor(async () => expect((await world.review(review.id)).recheck).not.toBeNull(), {
      timeout: 10_000,
      interval: 100,
    });
    await world.ok('POST', `/v1/reviews/${review.id}/signatures`, { capacity: 'reviewer' }, { key: world.erin.key });
    await world.ok(
      'POST',
      `/v1/reviews/${review.id}/rechecks/${item.id}`,
      { result: 'disagree', reason: 'never used' },
      { key: world.zoe.key },
    );
    expect((await world.items(review.id))[0]).toMatchObject({ decision: null, status: 'waiting' });
    expect((await world.ok('GET', `/v1/reviews/${review.id}/signatures`)).data).toMatchObject([
      { lapsed_at: expect.any(Number) },
    ]);
  });
});

describe('time', () => {
  it('that runs out suspends, and keeps nothing', async () => {
    await backToDirect();
    const { agent, item, review } = await about();
    await world.decide(world.erin, item, keep);
    await world.sql(`UPDATE review_campaigns SET due_at = now() - interval '1 second' WHERE id = $1`, [review.id]);
    await vi.waitFor(
      async () => expect(await world.ok('GET', `/v1/agents/${agent.id}`)).toMatchObject({ status: 'suspended' }),
      { timeout: 10_000, interval: 100 },
    );
    const [missed] = await world.items(review.id);
    expect(missed).toMatchObject({ decision: null, missed_act: 'suspended' });
    expect(await world.review(review.id)).toMatchObject({ overdue: true });
    await vi.waitFor(
      async () => expect(await world.remediations(review.id)).toMatchObject([{ kind: 'suspend', status: 'verified' }]),
      { timeout: 10_000, interval: 100 },
    );
    expect(await world.refused('POST', `/v1/reviews/${review.id}/close`, {}, { key: world.olga.key })).toBe(
      'review_undecided',
    );
    // Late is late, and still a decision.
    await world.submit(world.erin, review.id);
    expect((await world.items(review.id))[0]).toMatchObject({ decision: 'keep' });
    expect(await world.ok('GET', `/v1/agents/${agent.id}`)).toMatchObject({ status: 'suspended' });
  });

  it('is told of: first the reviewer, then whoever stands above', async () => {
    const { review } = await about();
    await world.sql(`UPDATE review_campaigns SET snapshot_at = snapshot_at - interval '8 days' WHERE id = $1`, [
      review.id,
    ]);
    const found = await vi.waitFor(
      async () => {
        const records = await world.events('kind=review.reminded&limit=50', 1);
        const own = records.find(({ campaign }) => campaign === review.id);
        expect(own).toBeDefined();
        return own;
      },
      { timeout: 10_000, interval: 100 },
    );
    expect(found).toMatchObject({ step: 'escalation', to: ['erin@acme.example', 'olga@acme.example'] });
  });

  it('and events start a review of just that, once', async () => {
    await world.ok('PUT', '/v1/review-policy', {
      events: { ...POLICY.events, owner_moved: true, role_widened: true },
      reason: 'by event',
    });
    const agent = await someAgent();
    await world.ok('PATCH', `/v1/agents/${agent.id}`, { owner: world.zoe.email });
    await world.capability('crm.export');
    await world.role('widened', ['crm.read']);
    await world.ok('PATCH', '/v1/roles/widened', { scope: { allow: ['crm.read', 'crm.export'] } });
    const found = await vi.waitFor(
      async () => {
        await world.sql('UPDATE review_watch SET looked_at = NULL');
        const { data } = await world.ok('GET', '/v1/reviews?kind=event');
        expect(data.map(({ cause }: { cause: { event: string } }) => cause.event).toSorted()).toEqual([
          'owner_moved',
          'role_widened',
        ]);
        return data;
      },
      { timeout: 15_000, interval: 200 },
    );
    const moved = found.find(({ cause }: { cause: { event: string } }) => cause.event === 'owner_moved');
    expect(await world.items(moved.id)).toMatchObject([{ agent_id: agent.id, type: 'assignment' }]);
    const widened = found.find(({ cause }: { cause: { event: string } }) => cause.event === 'role_widened');
    expect(await world.items(widened.id)).toMatchObject([{ type: 'role', role: 'widened' }]);
    await world.ok('PUT', '/v1/review-policy', { ...POLICY, reason: 'as it was' });
  });
});

describe('the evidence', () => {
  it('has every item of every review as it was known before the end of the period, and ties out with the log', async () => {
    const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
    const asked = `from=${new Date(today - 30 * DAY_MS).toISOString()}&to=${new Date(today + DAY_MS).toISOString()}`;
    const path = '/v1/evidence/reports/access-reviews';
    const { tables } = await world.ok('GET', `${path}?${asked}`);
    const rows = async (table: string) => {
      const page = await world.ok('GET', `${path}/rows?${asked}&table=${table}&limit=200`);
      return page.rows.map((row: readonly unknown[]) =>
        Object.fromEntries(page.columns.map((name: string, i: number) => [name, row[i]])),
      );
    };
    for (const name of ['campaigns', 'items', 'population', 'decisions', 'remediation', 'signatures']) {
      const table = tables.find((each: { name: string }) => each.name === name);
      expect([name, table.row_count > 0, table.header.tie_out]).toEqual([name, true, 'equal']);
    }
    const campaigns = await rows('campaigns');
    expect(campaigns.find(({ status }: { status: string }) => status === 'closed')).toMatchObject({
      self_reviews: 0,
      undecided: 0,
      tie_out: 'equal',
      completion_percent: 100,
      signed_owner: 'olga@acme.example',
      countersigned: ['zoe@acme.example'],
    });
    const items = await rows('items');
    expect(items.filter((item: { reviewer_is_subject: boolean }) => item.reviewer_is_subject)).toEqual([]);
    expect(items.find((item: { missed_act: string }) => item.missed_act === 'suspended')).toMatchObject({
      reviewer_basis: 'manager',
    });
    // Beside the tables: the bytes that were hashed and signed, and the sign-off on paper.
    const file = await fetch(`${world.server.url}${path}/file?${asked}&format=zip`, {
      headers: { authorization: `Bearer ${world.server.adminKey}` },
    });
    expect(file.status).toBe(200);
    const [closed] = campaigns.filter(({ status }: { status: string }) => status === 'closed');
    // Names stand in the archive as they are.
    const archive = Buffer.from(await file.arrayBuffer());
    for (const suffix of ['population.json', 'signoff.pdf', 'signatures/rvs_'])
      expect([suffix, archive.includes(`${closed.campaign_id}/${suffix}`)]).toEqual([suffix, true]);
  }, 60_000);
});

describe('another workspace', () => {
  it('sees nothing of it', async () => {
    const { item, review } = await about();
    const stranger = { key: await addWorkspace(world.server) };
    for (const [method, path, body] of [
      ['GET', `/v1/reviews/${review.id}`, undefined],
      ['GET', `/v1/reviews/${review.id}/items`, undefined],
      ['GET', `/v1/reviews/${review.id}/population`, undefined],
      ['GET', `/v1/reviews/${review.id}/remediations`, undefined],
      ['GET', `/v1/reviews/${review.id}/rechecks`, undefined],
      ['GET', `/v1/reviews/${review.id}/signatures`, undefined],
      ['POST', `/v1/reviews/${review.id}/items/${item.id}/decide`, keep],
      ['POST', `/v1/reviews/${review.id}/submit`, {}],
      ['POST', `/v1/reviews/${review.id}/close`, {}],
      ['POST', `/v1/reviews/${review.id}/void`, { reason: 'x' }],
      ['POST', `/v1/reviews/${review.id}/signatures`, { capacity: 'owner' }],
    ] as const)
      expect(await world.refused(method, path, body, stranger), `${method} ${path}`).toBe('review_not_found');
    expect((await world.ok('GET', '/v1/reviews', undefined, stranger)).data).toEqual([]);
    expect((await world.ok('GET', '/v1/review-queue', undefined, stranger)).data).toEqual([]);
  });
});

/** Tests that make changes reviewed leave it so: only a reviewed change could undo it. */
async function backToDirect(): Promise<void> {
  await world.sql(`ALTER TABLE object_versions DISABLE TRIGGER ALL`);
  await world.sql(`DELETE FROM object_versions WHERE object_type = 'change_settings'`);
  await world.sql(`DELETE FROM change_settings`);
  await world.sql(`ALTER TABLE object_versions ENABLE TRIGGER ALL`);
}
