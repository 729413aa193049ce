import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, type World } from '../agents/world.ts';

let world: World;

beforeAll(async () => {
  world = await openWorld();
  await world.capability('notes.add');
  await world.role('support', ['notes.add']);
});
afterAll(() => world.server.close());

describe('people', () => {
  it('are added, read by id or e-mail, and changed', async () => {
    const person = await world.ok('POST', '/v1/people', {
      email: ' Ana@Acme.example ',
      display_name: 'Ana',
      label: 'Finance',
    });
    expect(person).toMatchObject({
      id: expect.stringMatching(/^per_/),
      object: 'person',
      email: 'ana@acme.example',
      display_name: 'Ana',
      label: 'Finance',
      active: true,
      agents: 0,
    });
    expect(await world.ok('GET', `/v1/people/${person.id}`)).toEqual(person);
    expect(await world.ok('GET', '/v1/people/ANA@acme.example')).toEqual(person);
    expect(await world.refused('POST', '/v1/people', { email: 'ana@acme.example' })).toBe('person_exists');
    const changed = await world.ok('PATCH', '/v1/people/ana@acme.example', { display_name: 'Ana P.', label: null });
    expect(changed).toEqual({ ...person, display_name: 'Ana P.', label: null });
    const [record] = await world.events('kind=person.changed', 2);
    expect(record).toMatchObject({
      person: 'ana@acme.example',
      changes: { display_name: ['Ana', 'Ana P.'], label: ['Finance', null] },
    });
  });

  it('are added with their first agent', async () => {
    await world.agent('first', { owner: 'kim@acme.example' });
    expect(await world.ok('GET', '/v1/people/kim@acme.example')).toMatchObject({ agents: 1, active: true });
  });

  it('are listed by e-mail, page by page', async () => {
    for (const name of ['zoe', 'bea', 'cy']) await world.ok('POST', '/v1/people', { email: `${name}@acme.example` });
    const emails: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const list = await world.ok('GET', `/v1/people?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
      emails.push(...list.data.map(({ email }: { email: string }) => email));
      cursor = list.next_cursor;
    }
    expect(emails).toEqual([...emails].sort());
    expect(emails).toEqual(expect.arrayContaining(['ana@acme.example', 'bea@acme.example', 'zoe@acme.example']));
  });

  it('are found by part of the e-mail or name, by group, by where they come from and by whether they are here', async () => {
    await world.ok('POST', '/v1/people', { email: 'quinn@acme.example', display_name: '50% Quinn_Q' });
    await world.ok('PATCH', '/v1/people/quinn@acme.example', { groups: ['treasury'] });
    const found = async (query: string) =>
      (await world.ok('GET', `/v1/people?${query}`)).data.map(({ email }: { email: string }) => email);
    expect(await found('q=QUINN')).toEqual(['quinn@acme.example']);
    // Nothing in it is a pattern.
    expect(await found(`q=${encodeURIComponent('50% quinn_')}`)).toEqual(['quinn@acme.example']);
    expect(await found(`q=${encodeURIComponent('%')}`)).toEqual(['quinn@acme.example']);
    expect(await found('group=treasury')).toEqual(['quinn@acme.example']);
    expect(await found('group=nobody')).toEqual([]);
    expect(await found('source=directory')).toEqual([]);
    expect(await found('q=quinn&source=hand')).toEqual(['quinn@acme.example']);
    await world.ok('PATCH', '/v1/people/quinn@acme.example', { active: false });
    expect(await found('q=quinn&active=true')).toEqual([]);
    expect(await found('q=quinn&active=false')).toEqual(['quinn@acme.example']);
    const { data: groups } = await world.ok('GET', '/v1/groups?person=quinn@acme.example');
    expect(groups).toMatchObject([{ name: 'treasury', source: 'hand', members: 1 }]);
    expect((await world.ok('GET', '/v1/groups?person=zoe@acme.example')).data).toEqual([]);
  });

  it.each([
    ['POST', '/v1/people', { email: 'the team' }, 'request_invalid'],
    ['POST', '/v1/people', { email: 'dаna@acme.example' }, 'request_invalid'],
    ['PATCH', '/v1/people/ana@acme.example', { email: 'b@acme.example' }, 'request_invalid'],
    ['GET', '/v1/people/none@acme.example', undefined, 'person_not_found'],
    ['PATCH', '/v1/people/none@acme.example', {}, 'person_not_found'],
  ])('%s %s %j is refused', async (method, path, body, code) => {
    expect(await world.refused(method, path, body)).toBe(code);
  });
});

describe('an owner who leaves', () => {
  it('takes the agents along until they are given to someone else', async () => {
    const owner = 'omar@acme.example';
    await world.agent('one', { owner });
    await world.agent('two', { owner });
    const [one, two] = [await world.token('one'), await world.token('two')];
    expect((await world.act(one, 'notes.add')).status).toBe(200);

    expect(await world.ok('PATCH', `/v1/people/${owner}`, { active: false })).toMatchObject({
      active: false,
      agents: 2,
    });
    expect((await world.act(one, 'notes.add')).body.error.code).toBe('agent_suspended');
    expect(await world.ok('GET', '/v1/agents/two')).toMatchObject({
      status: 'suspended',
      stopped_reason: 'The owner was deactivated.',
    });
    const [record] = await world.events('agent=one&kind=agent.changed', 1);
    expect(record).toMatchObject({ changes: { status: ['active', 'suspended'] }, owner });
    expect(await world.refused('POST', '/v1/agents/one/restore')).toBe('owner_inactive');
    expect(await world.refused('POST', '/v1/agents', { name: 'three', role: 'support', owner })).toBe('owner_inactive');

    expect(await world.ok('PATCH', '/v1/agents/one', { owner: 'lee@acme.example' })).toMatchObject({
      status: 'active',
    });
    // The tokens were those of whoever left.
    expect((await world.act(one, 'notes.add')).body.error.code).toBe('token_revoked');
    expect((await world.act(await world.token('one'), 'notes.add')).status).toBe(200);

    // Coming back resumes nothing: somebody decides about each agent.
    await world.ok('PATCH', `/v1/people/${owner}`, { active: true });
    expect((await world.act(two, 'notes.add')).body.error.code).toBe('agent_suspended');
    await world.ok('POST', '/v1/agents/two/restore');
    expect((await world.act(two, 'notes.add')).body.error.code).toBe('token_revoked');
    expect((await world.act(await world.token('two'), 'notes.add')).status).toBe(200);
  });

  it('leaves a suspended agent suspended when it is given away', async () => {
    await world.agent('paused', { owner: 'pat@acme.example' });
    await world.ok('POST', '/v1/agents/paused/suspend');
    await world.ok('PATCH', '/v1/people/pat@acme.example', { active: false });
    expect(await world.ok('PATCH', '/v1/agents/paused', { owner: 'lee@acme.example' })).toMatchObject({
      status: 'suspended',
    });
    expect(await world.ok('POST', '/v1/agents/paused/restore')).toMatchObject({ status: 'active' });
  });

  it('shows a changed label on the next record', async () => {
    await world.agent('labelled', { owner: 'lab@acme.example' });
    const token = await world.token('labelled');
    await world.act(token, 'notes.add');
    await world.ok('PATCH', '/v1/people/lab@acme.example', { label: 'Finance' });
    await world.act(token, 'notes.add');
    const records = await world.events('agent=labelled&kind=tool.call', 2);
    expect(records.map(({ owner_label }) => owner_label)).toEqual(['Finance', undefined]);
  });
});
