/** SCIM over HTTP: the protocol, hostile input, and what a directory may and may not. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer } from '../../../../test/setup/server.ts';
import { loadServerKeys } from '../../src/identity/keys.ts';
import { newCredential } from '../../src/identity/token-hash.ts';
import { newId } from '../../src/ids.ts';
import { openWorld, type World } from '../agents/world.ts';
import { clientOf } from '../api/client.ts';
import { type Directory, directoryOf, ENTERPRISE, GROUP, openDirectory, PATCH, USER } from './directory.ts';

const ERROR = 'urn:ietf:params:scim:api:messages:2.0:Error';
const BULK = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';

let world: World;
let directory: Directory;
let owner: pg.Client;

beforeAll(async () => {
  world = await openWorld();
  directory = await openDirectory(world);
  owner = new pg.Client({ connectionString: world.server.ownerUrl });
  await owner.connect();
  await world.capability('notes.add');
  await world.role('support', ['notes.add']);
});
afterAll(async () => {
  await owner.end();
  await world.server.close();
});

const find = (filter: string, more = '') => directory.send('GET', `/Users?filter=${encodeURIComponent(filter)}${more}`);
/** Records of the kind, the newest first. */
const recorded = async (
  kind: string,
  isMeant: (record: Readonly<Record<string, unknown>>) => boolean,
): Promise<readonly Readonly<Record<string, unknown>>[]> =>
  (await world.ok('GET', `/v1/audit/events?kind=${kind}`)).data.filter(isMeant);
const person = (id: string) => world.ok('GET', `/v1/people/${id}`);

describe('every answer', () => {
  it.each([
    ['GET', '/Users/none', 404, undefined],
    ['GET', '/Shoes', 404, undefined],
    ['GET', '', 404, undefined],
    ['GET', '/Users/a/b', 404, undefined],
    ['DELETE', '/Users', 405, undefined],
    ['PUT', '/Users', 405, undefined],
    ['POST', '/ServiceProviderConfig', 405, undefined],
    ['GET', '/Bulk', 404, undefined],
    ['GET', '/Me', 501, undefined],
    ['GET', '/Users?startIndex=one', 400, 'invalidValue'],
    ['GET', '/Users?count=1e3', 400, 'invalidValue'],
    ['GET', '/Users?filter=', 400, 'invalidFilter'],
    ['GET', '/Users?filter=a%20pr&filter=b%20pr', 400, 'invalidValue'],
    ['GET', '/Users?sortBy=shoeSize', 400, 'invalidValue'],
    ['GET', '/Users?attributes=id&excludedAttributes=name', 400, 'invalidSyntax'],
    ['POST', '/Users', 400, 'invalidSyntax'],
  ])('is SCIM’s: %s %s', async (method, path, status, scimType) => {
    const { body, headers, ...answer } = await directory.send(method, path);
    expect([answer.status, headers.get('content-type')]).toEqual([status, 'application/scim+json; charset=utf-8']);
    expect(body).toMatchObject({ schemas: [ERROR], status: String(status), detail: expect.any(String) });
    expect(body.scimType).toBe(scimType);
    expect(headers.has('allow')).toBe(status === 405);
  });

  it.each([
    ['a repeated key', '{"schemas":["x"],"userName":"a","userName":"b"}'],
    ['an escaped repeated key', '{"userName":"a","user\\u004eame":"b"}'],
    ['the prototype as a key', '{"schemas":["x"],"__proto__":{"active":false}}'],
    ['broken JSON', '{"schemas":'],
    ['a list', '[]'],
    ['a number that does not survive', '{"x":1e400}'],
    ['depth', `${'['.repeat(100)}${']'.repeat(100)}`],
  ])('to %s is a refusal', async (_, body) => {
    const answer = await directory.send('POST', '/Users', body);
    expect([answer.status, answer.body.scimType]).toEqual([400, 'invalidSyntax']);
  });

  it('to a body that is too large is 413', async () => {
    const { status, body } = await directory.send('POST', '/Users', `{"x":"${'x'.repeat(1_100_000)}"}`);
    expect([status, body.schemas]).toEqual([413, [ERROR]]);
  });
});

describe('tokens', () => {
  it.each([
    ['none', null],
    ['an admin key', undefined],
    ['one that was never made', 'hk_scim_0000000000000000000000000000000000000000000000000'],
  ])('%s is 401 with a challenge', async (_, key) => {
    const answer = await world.call('GET', '/scim/v2/Users', key === undefined ? {} : { key });
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="hivekey"']);
    expect(JSON.parse(answer.body).schemas).toEqual([ERROR]);
  });

  it('open nothing but SCIM', async () => {
    for (const path of ['/v1/people', '/v1/policies/current', '/v1/approvals', '/v1/scim-connections'])
      expect((await world.call('GET', path, { key: directory.token })).status).toBe(401);
    expect(
      (await world.call('POST', '/v1/actions', { key: directory.token, body: { action: 'x', arguments: {} } })).status,
    ).toBe(401);
  });

  it('rotate with an overlap, are at most two, expire, and end with their connection', async () => {
    const { token: first } = await world.ok('POST', '/v1/scim-connections', { name: 'rotating' });
    const asks = async (token: string) => (await directoryOf(world, token).send('GET', '/Users?count=0')).status;
    const { token: second, tokens } = await world.ok('POST', '/v1/scim-connections/rotating/rotate');
    expect(tokens).toHaveLength(2);
    expect([await asks(first), await asks(second)]).toEqual([200, 200]);
    const { token: third, ...after } = await world.ok('POST', '/v1/scim-connections/rotating/rotate');
    expect(after.tokens).toHaveLength(2);
    expect([await asks(first), await asks(second), await asks(third)]).toEqual([401, 200, 200]);
    await owner.query(`UPDATE scim_tokens SET expires_at = now() - interval '1 second' WHERE last4 = $1`, [
      third.slice(-4),
    ]);
    expect(await asks(third)).toBe(401);
    expect(await world.ok('POST', '/v1/scim-connections/rotating/revoke')).toMatchObject({
      status: 'revoked',
      tokens: [],
    });
    expect(await asks(second)).toBe(401);
    expect(await world.refused('POST', '/v1/scim-connections/rotating/rotate')).toBe('scim_connection_revoked');
    expect(await world.refused('POST', '/v1/scim-connections', { name: 'ROTATING' })).toBe('scim_name_taken');
    const changes = () => recorded('scim.connection', ({ connection }) => connection === 'rotating');
    await expect
      .poll(async () => (await changes()).map(({ change }) => change))
      .toEqual(['revoked', 'rotated', 'rotated', 'created']);
    expect(JSON.stringify(await changes())).not.toContain(third);
  });

  it('do what the connection is for', async () => {
    const { token } = await world.ok('POST', '/v1/scim-connections', { name: 'only-users', scopes: ['users'] });
    const only = directoryOf(world, token);
    expect((await only.send('GET', '/Groups')).status).toBe(403);
    expect((await only.send('GET', '/ResourceTypes')).body.Resources.map(({ id }: { id: string }) => id)).toEqual([
      'User',
    ]);
    const { body } = await only.send('POST', '/Bulk', {
      schemas: [BULK],
      Operations: [{ method: 'POST', path: '/Groups', bulkId: 'a', data: { schemas: [GROUP], displayName: 'taken' } }],
    });
    expect(body.Operations[0].status).toBe('403');
    await world.ok('PATCH', '/v1/scim-connections/only-users', { scopes: ['groups'] });
    expect([(await only.send('GET', '/Groups')).status, (await only.send('GET', '/Users')).status]).toEqual([200, 403]);
  });

  it('show how the connection fares', async () => {
    const own = await openDirectory(world, 'watched');
    await own.send('GET', '/Users?count=0');
    await own.send('GET', '/Users/none');
    await expect
      .poll(() => world.ok('GET', '/v1/scim-connections/watched'))
      .toMatchObject({
        status: 'live',
        last_seen_at: expect.any(Number),
        last_error: { status: 404, request: 'GET /scim/v2/Users/none' },
        last_day: { users: { reads: 2, writes: 0, refused: 1 } },
      });
  });
});

describe('filters', () => {
  let ids: readonly string[];
  beforeAll(async () => {
    const made = [];
    for (const [name, more] of [
      ['f-one@acme.example', { title: '100% _sure\\', externalId: 'Ext-1' }],
      ['f-two@acme.example', { title: 'b', active: false, nickName: 'O\'Neil"; DROP TABLE people;--' }],
      [
        'f-three@acme.example',
        { emails: [{ value: 'f-three@acme.example' }, { value: 'home@x.example', type: 'home' }] },
      ],
    ] as const)
      made.push(await directory.user(name, more));
    ids = made.map(({ id }) => id);
  });

  it.each<[string, readonly number[]]>([
    ['userName eq "F-ONE@acme.example"', [0]],
    ['externalId eq "ext-1"', []],
    ['externalId eq "Ext-1"', [0]],
    ['title co "% _"', [0]],
    ['title co "%"', [0]],
    ['title sw "_"', []],
    ['title ew "\\\\"', [0]],
    ['title gt "a" and userName sw "f-"', [1]],
    ['nickName eq "o\'neil\\"; drop table people;--"', [1]],
    ['userName sw "f-" and not (active eq true)', [1]],
    ['userName sw "f-" and not (title eq "b")', [0, 2]],
    ['userName sw "f-" and title eq null', [2]],
    ['userName sw "f-" and title ne "b"', [0, 2]],
    ['emails[type eq "home" and value co "X.EXAMPLE"]', [2]],
    ['emails[type eq "home" and value co "acme"]', []],
    ['emails eq "home@x.example"', [2]],
    ['emails.type eq "home" and emails.value eq "f-three@acme.example"', [2]],
    ['userName sw "f-" and meta.created gt "2020-01-01T00:00:00Z" and (title pr or nickName pr)', [0, 1]],
    ['userName eq "\' OR 1=1 --"', []],
    [`${USER}:userName eq "f-two@acme.example"`, [1]],
    ['groups pr', []],
  ])('%s', async (filter, wanted) => {
    const { status, body } = await find(filter);
    expect(status).toBe(200);
    expect(body.Resources.map(({ id }: { id: string }) => ids.indexOf(id))).toEqual(wanted);
    expect(body.totalResults).toBe(wanted.length);
  });

  it('go with .search, over one type and over all', async () => {
    const schemas = ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'];
    const one = await directory.send('POST', '/Users/.search', {
      schemas,
      filter: 'userName sw "f-"',
      attributes: ['userName'],
      count: 1,
    });
    expect(one.body).toMatchObject({ totalResults: 3, itemsPerPage: 1 });
    expect(Object.keys(one.body.Resources[0]).sort()).toEqual(['id', 'schemas', 'userName']);
    await directory.group('f-group');
    const all = await directory.send('POST', '/.search', {
      schemas,
      filter: 'displayName eq "F-Group" or userName eq "f-two@acme.example"',
    });
    // Of groups there is no user name.
    expect(all.body.totalResults).toBe(1);
    const every = await directory.send('POST', '/.search', { schemas, count: 1000 });
    expect(
      new Set(every.body.Resources.map(({ meta }: { meta: { resourceType: string } }) => meta.resourceType)),
    ).toEqual(new Set(['User', 'Group']));
  });

  it('page without leaving out or repeating, in every order', async () => {
    for (const sort of ['', '&sortBy=userName&sortOrder=descending', '&sortBy=title', '&sortBy=emails']) {
      const seen: string[] = [];
      for (let at = 1; at <= 3; at += 1)
        seen.push(
          ...(await find('userName sw "f-"', `&startIndex=${at}&count=1${sort}`)).body.Resources.map(
            ({ id }: { id: string }) => id,
          ),
        );
      expect([...seen].sort()).toEqual([...ids].sort());
    }
    const beyond = await find('userName sw "f-"', '&startIndex=50&count=10');
    expect(beyond.body).toMatchObject({ totalResults: 3, startIndex: 50, itemsPerPage: 0, Resources: [] });
    expect((await find('userName sw "f-"', '&startIndex=-5&count=-1')).body).toMatchObject({
      totalResults: 3,
      startIndex: 1,
      Resources: [],
    });
    expect((await find('userName sw "f-"', '&count=999999')).body.itemsPerPage).toBe(3);
  });
});

describe('versions', () => {
  it('lose no update, and spare what is known', async () => {
    const { id, meta } = await directory.user('v@acme.example');
    const read = await directory.send('GET', `/Users/${id}`, undefined, { 'if-none-match': meta.version });
    expect([read.status, read.body]).toEqual([304, '']);
    const replace = (title: string, version: string) =>
      directory.send(
        'PUT',
        `/Users/${id}`,
        { schemas: [USER], userName: 'v@acme.example', title },
        { 'if-match': version },
      );
    const [one, other] = await Promise.all([replace('one', meta.version), replace('other', meta.version)]);
    expect([one.status, other.status].sort()).toEqual([200, 412]);
    expect((await directory.send('DELETE', `/Users/${id}`, undefined, { 'if-match': meta.version })).status).toBe(412);
    const now = one.status === 200 ? one : other;
    expect(now.headers.get('etag')).toBe(now.body.meta.version);
    // Whoever changes the person, the version goes up.
    await world.ok('PATCH', `/v1/people/${id}`, { active: false });
    expect((await replace('late', now.body.meta.version)).status).toBe(412);
  });

  it('stay where nothing changes', async () => {
    const { id, meta } = await directory.user('same@acme.example', { title: 'x' });
    const again = await directory.patch(`/Users/${id}`, { op: 'replace', path: 'title', value: 'x' });
    expect(again.body.meta.version).toBe(meta.version);
  });
});

describe('people', () => {
  it('are unique by name in any case, by address and by externalId', async () => {
    await directory.user('Uma@acme.example', { externalId: 'u-1' });
    for (const body of [
      { userName: 'UMA@ACME.example' },
      { userName: 'uma2@acme.example', emails: [{ value: 'uma@acme.example' }] },
      { userName: 'uma3@acme.example', externalId: 'u-1' },
    ]) {
      const answer = await directory.send('POST', '/Users', { schemas: [USER], ...body });
      expect([answer.status, answer.body.scimType]).toEqual([409, 'uniqueness']);
    }
    const { id } = await directory.user('una@acme.example');
    const taken = await directory.patch(`/Users/${id}`, { op: 'replace', path: 'userName', value: 'uma@ACME.example' });
    expect([taken.status, taken.body.scimType]).toEqual([409, 'uniqueness']);
  });

  it.each([
    ['no address', { userName: 'nobody' }],
    ['letters that look alike', { userName: 'x', emails: [{ value: 'dаna@acme.example' }] }],
    ['a name with a space at the end', { userName: 'sp@acme.example ' }],
    ['a long name', { userName: `${'x'.repeat(300)}@acme.example` }],
    ['a long display name', { userName: 'ld@acme.example', displayName: 'x'.repeat(300) }],
    ['active that is no boolean', { userName: 'ab@acme.example', active: 'no' }],
    ['active as null in a list', { userName: 'ab@acme.example', active: [] }],
  ])('with %s are refused', async (_, body) => {
    const answer = await directory.send('POST', '/Users', { schemas: [USER], ...body });
    expect([answer.status, answer.body.scimType]).toEqual([400, 'invalidValue']);
  });

  it('who were there before are found and taken over', async () => {
    const known = await world.ok('POST', '/v1/people', { email: 'known@acme.example', display_name: 'Known' });
    const { body } = await find('userName eq "KNOWN@acme.example"');
    expect(body.Resources).toMatchObject([
      { id: known.id, displayName: 'Known', active: true, emails: [{ value: 'known@acme.example', primary: true }] },
    ]);
    expect((await directory.patch(`/Users/${known.id}`, { op: 'add', path: 'externalId', value: 'k-1' })).status).toBe(
      200,
    );
    expect(await person(known.id)).toMatchObject({ directory: 'okta', external_id: 'k-1' });
    expect(await world.refused('PATCH', `/v1/people/${known.id}`, { display_name: 'Other' })).toBe(
      'person_of_directory',
    );
    await world.ok('PATCH', `/v1/people/${known.id}`, { active: false });
    expect(await world.refused('PATCH', `/v1/people/${known.id}`, { active: true })).toBe('person_of_directory');
  });

  it('who leave lose what they own, and get nothing back by returning', async () => {
    const { id } = await directory.user('leo@acme.example');
    await world.agent('leos', { owner: 'leo@acme.example' });
    const token = await world.token('leos');
    const { key } = await world.ok('POST', '/v1/keys', { name: 'leo', person: id });
    expect((await world.act(token, 'notes.add')).status).toBe(200);
    expect((await directory.patch(`/Users/${id}`, { op: 'Replace', path: 'active', value: 'False' })).body.active).toBe(
      false,
    );
    expect((await world.act(token, 'notes.add')).status).toBeGreaterThanOrEqual(401);
    expect((await world.call('GET', '/v1/people', { key })).status).toBe(401);
    await expect
      .poll(() => recorded('person.left', ({ person }) => person === 'leo@acme.example'))
      .toMatchObject([{ actor: 'scim:okta', cause: 'scim', agents: 1, suspended: 1 }]);
    const { data: tasks } = await world.ok('GET', '/v1/transfer-tasks?person=leo@acme.example');
    expect(tasks).toHaveLength(1);

    const back = await directory.patch(`/Users/${id}`, { op: 'replace', value: { active: true } });
    expect(back.body).toMatchObject({ id, active: true });
    expect((await world.act(token, 'notes.add')).status).toBeGreaterThanOrEqual(401);
    expect((await world.call('GET', '/v1/people', { key })).status).toBe(401);
    expect(await world.ok('GET', '/v1/agents/leos')).toMatchObject({ status: 'suspended' });
  });

  it('who are deleted are gone for SCIM; their history stays, their name is free', async () => {
    const first = await directory.user('del@acme.example', { externalId: 'd-1' });
    const group = await directory.group('del-team', [first.id]);
    await world.agent('dels', { owner: 'del@acme.example' });
    expect((await directory.send('DELETE', `/Users/${first.id}`)).status).toBe(204);
    for (const method of ['GET', 'PATCH', 'PUT', 'DELETE'])
      expect(
        (
          await directory.send(
            method,
            `/Users/${first.id}`,
            method === 'GET' || method === 'DELETE'
              ? undefined
              : { schemas: [USER, PATCH], userName: 'x@acme.example', Operations: [{ op: 'remove', path: 'title' }] },
          )
        ).status,
      ).toBe(404);
    expect((await find('externalId eq "d-1"')).body.totalResults).toBe(0);
    expect((await directory.send('GET', `/Groups/${group.id}`)).body.members).toBeUndefined();
    expect(await person(first.id)).toMatchObject({ active: false, deleted_at: expect.any(Number), groups: [] });
    expect(await world.refused('GET', '/v1/people/del@acme.example')).toBe('person_not_found');
    expect(await world.refused('PATCH', `/v1/people/${first.id}`, { active: true })).toBe('person_deleted');

    const second = await directory.user('DEL@acme.example', { externalId: 'd-1' });
    expect(second.id).not.toBe(first.id);
    expect(await person('del@acme.example')).toMatchObject({ id: second.id, agents: 0 });
    expect(await world.ok('GET', '/v1/agents/dels')).toMatchObject({ status: 'suspended', owner: 'del@acme.example' });
    // Whoever has the name now owns none of it.
    const patched = await directory.patch(`/Users/${second.id}`, { op: 'replace', path: 'active', value: true });
    expect(patched.status).toBe(200);
    expect(await world.ok('GET', '/v1/agents/dels')).toMatchObject({ status: 'suspended' });
  });

  it('for emergencies are no directory’s', async () => {
    const { id } = await directory.user('glass@acme.example');
    await owner.query('UPDATE people SET break_glass = true WHERE id = $1', [id]);
    expect((await directory.send('GET', `/Users/${id}`)).status).toBe(404);
    expect((await directory.send('DELETE', `/Users/${id}`)).status).toBe(404);
    expect((await find('userName eq "glass@acme.example"')).body.totalResults).toBe(0);
    expect((await directory.send('POST', '/Users', { schemas: [USER], userName: 'glass@acme.example' })).status).toBe(
      409,
    );
    const group = await directory.group('glass-team');
    expect(
      (await directory.patch(`/Groups/${group.id}`, { op: 'add', path: 'members', value: [{ value: id }] })).status,
    ).toBe(400);
  });

  it('under a stop keep their address', async () => {
    const { id } = await directory.user('stopped@acme.example');
    await world.agent('stoppeds', { owner: 'stopped@acme.example' });
    const { id: stop } = await world.ok('POST', '/v1/containments', {
      scope: 'owner',
      target: 'stopped@acme.example',
      reason: 'x',
    });
    const move = () =>
      directory.patch(`/Users/${id}`, {
        op: 'replace',
        path: 'emails[type eq "work"].value',
        value: 'moved@acme.example',
      });
    await directory.patch(`/Users/${id}`, {
      op: 'add',
      path: 'emails',
      value: [{ value: 'stopped@acme.example', type: 'work' }],
    });
    expect((await move()).status).toBe(409);
    await world.ok('POST', `/v1/containments/${stop}/lift`);
    expect((await move()).status).toBe(200);
    expect(await world.ok('GET', '/v1/agents/stoppeds')).toMatchObject({ owner: 'moved@acme.example' });
  });

  it('have a manager where the directory names a person', async () => {
    const boss = await directory.user('boss@acme.example');
    const { id } = await directory.user('report@acme.example', {
      schemas: [USER, ENTERPRISE],
      [ENTERPRISE]: { manager: { value: boss.id } },
    });
    expect(await person(id)).toMatchObject({ manager: 'boss@acme.example' });
    await directory.patch(`/Users/${id}`, { op: 'replace', path: `${ENTERPRISE}:manager`, value: 'somebody else' });
    expect(await person(id)).toMatchObject({ manager: null });
  });
});

describe('groups', () => {
  it('stand in what approvals read, at once', async () => {
    const a = await directory.user('ga@acme.example');
    const b = await directory.user('gb@acme.example');
    await world.ok('PATCH', `/v1/people/${a.id}`, { groups: ['by-hand'] });
    const group = await directory.group('Quorum', [a.id]);
    expect((await person(a.id)).groups).toEqual(['Quorum', 'by-hand']);
    await directory.patch(`/Groups/${group.id}`, {
      op: 'add',
      path: 'members',
      value: [{ value: b.id }, { value: a.id }],
    });
    expect((await person(b.id)).groups).toEqual(['Quorum']);
    await directory.patch(`/Groups/${group.id}`, { op: 'replace', path: 'displayName', value: 'Board' });
    expect([(await person(a.id)).groups, (await person(b.id)).groups]).toEqual([['Quorum', 'by-hand'], ['Quorum']]);
    await directory.patch(`/Groups/${group.id}`, { op: 'remove', path: `members[value eq "${b.id}"]` });
    expect((await person(b.id)).groups).toEqual([]);
    expect(await world.refused('PATCH', `/v1/people/${b.id}`, { groups: ['Quorum'] })).toBe('group_of_directory');
    expect(await world.refused('PATCH', `/v1/people/${b.id}`, { groups: ['quorum'] })).toBe('group_of_directory');
    expect(await world.refused('PATCH', `/v1/people/${a.id}`, { groups: ['by-hand'] })).toBe('group_of_directory');
    await world.ok('PATCH', `/v1/people/${a.id}`, { groups: ['Quorum', 'other'] });
    expect((await directory.send('DELETE', `/Groups/${group.id}`)).status).toBe(204);
    expect((await person(a.id)).groups).toEqual(['other']);
    const records = () => recorded('group.changed', ({ group_id }) => group_id === group.id);
    await expect
      .poll(async () => (await records()).map(({ change }) => change))
      .toEqual(['deleted', 'members', 'members', 'changed', 'members', 'members', 'created']);
    expect((await records())[2]).toMatchObject({
      actor: 'scim:okta',
      group: 'Quorum',
      display_name: 'Board',
      removed: ['gb@acme.example'],
    });
  });

  it('take over no group that is kept by hand', async () => {
    const { id } = await directory.user('gh@acme.example');
    await world.ok('PATCH', `/v1/people/${id}`, { groups: ['treasury'] });
    const answer = await directory.send('POST', '/Groups', { schemas: [GROUP], displayName: 'Treasury', members: [] });
    expect([answer.status, answer.body.detail]).toEqual([409, expect.stringContaining('kept by hand')]);
  });

  it('that would be called the same are told apart', async () => {
    const one = await directory.group('Pay (EU)');
    const other = await directory.group('Pay EU');
    const { data } = await world.ok('GET', '/v1/groups?limit=200');
    const names = [one.id, other.id].map((id) => data.find((each: { id: string }) => each.id === id).name);
    expect(names).toEqual(['Pay-EU', `Pay-EU-${other.id.slice(-4).toLowerCase()}`]);
  });

  it('are emptied only when that is said', async () => {
    const members = [];
    for (const n of [1, 2, 3]) members.push((await directory.user(`trap${n}@acme.example`)).id);
    const group = await directory.group('trap', members);
    const size = async () => (await directory.send('GET', `/Groups/${group.id}`)).body.members?.length ?? 0;
    for (const [operation, status] of [
      [{ op: 'remove', path: 'members', value: [] }, 204],
      [{ op: 'remove', path: 'members', value: null }, 400],
      [{ op: 'remove', path: 'members', value: [{}] }, 400],
      [{ op: 'remove', path: 'members', value: [{ value: null }] }, 400],
      [{ op: 'remove', path: 'members', value: [null] }, 400],
      [{ op: 'remove', path: 'members', value: [{ value: '' }] }, 400],
      [{ op: 'remove', path: 'members', value: [{ value: '" or value pr or value eq "' }] }, 204],
      [{ op: 'remove', path: 'members[value eq "x" or value pr]' }, 400],
      [{ op: 'remove', path: 'members[value ne "x"]' }, 400],
      [{ op: 'remove', path: 'members[not (value eq "x")]' }, 400],
      [{ op: 'remove', path: 'members[]' }, 400],
      [{ op: 'remove', path: 'members[value eq "x"] or members' }, 400],
      [{ op: 'remove' }, 400],
      [{ op: 'replace', path: 'members[value eq "x"]', value: null }, 400],
      [{ op: 'replace', path: 'members', value: [{ value: 'nobody' }] }, 400],
      [{ op: 'remove', path: 'members', value: [{ value: members[0] }] }, 204],
    ] as const)
      expect([operation, (await directory.patch(`/Groups/${group.id}`, operation)).status]).toEqual([
        operation,
        status,
      ]);
    expect(await size()).toBe(2);
    expect((await directory.patch(`/Groups/${group.id}`, { op: 'remove', path: 'members' })).status).toBe(204);
    expect(await size()).toBe(0);
  });

  it('are changed whole or not at all', async () => {
    const { id } = await directory.user('whole@acme.example');
    const group = await directory.group('whole');
    const answer = await directory.patch(
      `/Groups/${group.id}`,
      { op: 'replace', path: 'displayName', value: 'changed' },
      { op: 'add', path: 'members', value: [{ value: id }] },
      { op: 'add', path: 'members', value: [{ value: 'nobody' }] },
    );
    expect(answer.status).toBe(400);
    expect((await directory.send('GET', `/Groups/${group.id}`)).body).toMatchObject({
      displayName: 'whole',
      meta: group.meta,
    });
    expect((await person(id)).groups).toEqual([]);
  });

  it('of 50,000 take one more as fast as a small one', async () => {
    const CROWD = 50_000;
    const { rows } = await owner.query('SELECT id FROM workspaces LIMIT 1');
    const workspace = rows[0].id;
    const large = await directory.group('large');
    const small = await directory.group('small');
    await owner.query(
      `WITH made AS (
         INSERT INTO people (workspace_id, id, email, groups)
         SELECT $1, 'per_crowd' || n, 'crowd' || n || '@acme.example', '{large}' FROM generate_series(1, ${CROWD}) AS n RETURNING id)
       INSERT INTO directory_group_members SELECT $1, $2, id FROM made`,
      [workspace, large.id],
    );
    await owner.query('ANALYZE people, directory_group_members');
    const one = await directory.user('one-more@acme.example');
    const timed = async (group: string): Promise<number> => {
      const times: number[] = [];
      for (let i = 0; i < 5; i += 1) {
        const startedMs = performance.now();
        expect(
          (await directory.patch(`/Groups/${group}`, { op: 'add', path: 'members', value: [{ value: one.id }] }))
            .status,
        ).toBe(204);
        expect(
          (await directory.patch(`/Groups/${group}`, { op: 'remove', path: `members[value eq "${one.id}"]` })).status,
        ).toBe(204);
        times.push(performance.now() - startedMs);
      }
      return Math.min(...times);
    };
    const [few, many] = [await timed(small.id), await timed(large.id)];
    expect(many).toBeLessThan(20 + 5 * few);
    expect(
      (
        await directory.send(
          'GET',
          `/Groups?filter=id eq "${large.id}" and members eq "per_crowd${CROWD}"&excludedAttributes=members`,
        )
      ).body.totalResults,
    ).toBe(1);
    const whole = await directory.send('GET', `/Groups/${large.id}`);
    expect(whole.body.members).toHaveLength(CROWD);
    const tooMany = await directory.patch(`/Groups/${small.id}`, {
      op: 'add',
      path: 'members',
      value: Array.from({ length: 5_001 }, (_, n) => ({ value: `per_crowd${n + 1}` })),
    });
    expect(tooMany.status).toBe(413);
    // As many at once as are taken; and it goes whole, however large it is.
    const part = Array.from({ length: 2_000 }, (_, n) => `per_crowd${n + 1}`);
    expect((await directory.patch(`/Groups/${small.id}`, { op: 'add', path: 'members', value: part })).status).toBe(
      204,
    );
    expect((await person('per_crowd2000')).groups).toEqual(['large', 'small']);
    expect((await directory.patch(`/Groups/${large.id}`, { op: 'remove', path: 'members' })).status).toBe(413);
    expect((await directory.send('DELETE', `/Groups/${small.id}`)).status).toBe(204);
    expect((await person('per_crowd2000')).groups).toEqual(['large']);
  }, 60_000);
});

describe('bulk', () => {
  const bulk = (Operations: readonly unknown[], more: object = {}) =>
    directory.send('POST', '/Bulk', { schemas: [BULK], Operations, ...more });
  const post = (bulkId: string, userName: string) => ({
    method: 'POST',
    path: '/Users',
    bulkId,
    data: { schemas: [USER], userName },
  });

  it('resolves what refers to each other, whichever comes first', async () => {
    const { body } = await bulk([
      {
        method: 'POST',
        path: '/Groups',
        bulkId: 'team',
        data: { schemas: [GROUP], displayName: 'bulk-team', members: [{ value: 'bulkId:ann' }] },
      },
      post('ann', 'bulk-ann@acme.example'),
      {
        method: 'PATCH',
        path: '/Users/bulkId:ann',
        data: { schemas: [PATCH], Operations: [{ op: 'add', path: 'title', value: 'Lead' }] },
      },
    ]);
    expect(body.Operations.map(({ status }: { status: string }) => status)).toEqual(['201', '201', '200']);
    const id = body.Operations[1].location.split('/').at(-1);
    expect((await directory.send('GET', `/Users/${id}`)).body).toMatchObject({
      title: 'Lead',
      groups: [{ display: 'bulk-team' }],
    });
  });

  it('does nothing for what waits for itself, or for what failed', async () => {
    const { body } = await bulk([
      {
        method: 'POST',
        path: '/Groups',
        bulkId: 'x',
        data: { schemas: [GROUP], displayName: 'bulk-x', members: [{ value: 'bulkId:y' }] },
      },
      {
        method: 'POST',
        path: '/Groups',
        bulkId: 'y',
        data: { schemas: [GROUP], displayName: 'bulk-y', members: [{ value: 'bulkId:x' }] },
      },
      {
        method: 'POST',
        path: '/Groups',
        bulkId: 'z',
        data: { schemas: [GROUP], displayName: 'bulk-z', members: [{ value: 'bulkId:gone' }] },
      },
    ]);
    expect(body.Operations.map(({ status }: { status: string }) => status)).toEqual(['409', '409', '409']);
    expect((await directory.send('GET', '/Groups?filter=displayName sw "bulk-x"')).body.totalResults).toBe(0);
  });

  it('stops after as many errors as it is told', async () => {
    const wrong = { method: 'DELETE', path: '/Users/none' };
    const { body } = await bulk([wrong, post('a', 'bulk-a@acme.example'), wrong, post('b', 'bulk-b@acme.example')], {
      failOnErrors: 2,
    });
    expect(body.Operations.map(({ status }: { status: string }) => status)).toEqual(['404', '201', '404']);
    expect(body.Operations[0].response.schemas).toEqual([ERROR]);
    expect((await find('userName eq "bulk-b@acme.example"')).body.totalResults).toBe(0);
  });

  it.each<[string, readonly unknown[], object, number]>([
    ['too many operations', Array.from({ length: 101 }, () => ({ method: 'DELETE', path: '/Users/none' })), {}, 413],
    ['no bulkId', [{ method: 'POST', path: '/Users', data: {} }], {}, 400],
    ['a bulkId twice', [post('a', 'x@acme.example'), post('a', 'y@acme.example')], {}, 400],
    ['reading', [{ method: 'GET', path: '/Users' }], {}, 400],
    ['failOnErrors of zero', [], { failOnErrors: 0 }, 400],
    ['an operation that is none', ['DELETE'], {}, 400],
  ])('refuses %s', async (_, operations, more, status) => {
    expect((await bulk(operations, more)).status).toBe(status);
  });

  it('reaches nothing but resources', async () => {
    for (const path of ['/Bulk', '/../../v1/people', 'Users', '', '/', '/Users/../Groups', '//Users']) {
      const { body } = await bulk([
        { method: 'POST', path, bulkId: 'a', data: { schemas: [USER], userName: 'reach@acme.example' } },
      ]);
      expect(['404', '405']).toContain(body.Operations[0].status);
    }
  });
});

describe('another workspace', () => {
  it('is not there', async () => {
    const { pepper } = loadServerKeys(world.server.config.data, undefined);
    const credential = newCredential('scim', pepper);
    const workspace = newId<string>('wsp');
    await owner.query(`INSERT INTO workspaces (id, name) VALUES ($1, 'second')`, [workspace]);
    await owner.query('INSERT INTO workspace_state (workspace_id) VALUES ($1)', [workspace]);
    await owner.query(
      `INSERT INTO scim_connections (workspace_id, id, name, scopes, created_by) VALUES ($1, 'scim_2', 'okta', '{users,groups}', 'system')`,
      [workspace],
    );
    await owner.query(
      `INSERT INTO scim_tokens (workspace_id, id, connection_id, lookup_hmac, last4, created_by, expires_at)
       VALUES ($1, 'sct_2', 'scim_2', $2, $3, 'system', now() + interval '1 hour')`,
      [workspace, credential.lookupHmac, credential.last4],
    );
    const stranger = directoryOf(world, credential.text.reveal());
    const { id } = await directory.user('mine@acme.example', { externalId: 'mine' });
    const group = await directory.group('mine-only', [id]);
    for (const path of [`/Users/${id}`, `/Groups/${group.id}`]) {
      expect((await stranger.send('GET', path)).status).toBe(404);
      expect((await stranger.send('DELETE', path)).status).toBe(404);
      expect((await stranger.patch(path, { op: 'replace', path: 'displayName', value: 'taken' })).status).toBe(404);
      expect(
        (await stranger.send('PUT', path, { schemas: [USER, GROUP], userName: 'z@acme.example', displayName: 'z' }))
          .status,
      ).toBe(404);
    }
    expect((await stranger.send('GET', '/Users')).body.totalResults).toBe(0);
    expect((await stranger.send('GET', '/Groups')).body.totalResults).toBe(0);
    const own = await stranger.group('mine-only');
    expect(
      (await stranger.patch(`/Groups/${own.id}`, { op: 'add', path: 'members', value: [{ value: id }] })).status,
    ).toBe(400);
    expect((await stranger.user('mine@acme.example', { externalId: 'mine' })).id).not.toBe(id);
    expect((await directory.send('GET', `/Users/${id}`)).body).toMatchObject({
      active: true,
      groups: [{ value: group.id }],
    });
  });
});

describe('a directory in a hurry', () => {
  it('waits, and keeps nobody else waiting', async () => {
    const server = await startTestServer({ requests_per_minute: 30 });
    const call = clientOf(server);
    const { token } = (await call('POST', '/v1/scim-connections', { body: { name: 'hurried' } })).body;
    const own = directoryOf({ ...world, server }, token);
    const answers = await Promise.all(Array.from({ length: 60 }, () => own.send('GET', '/Users?count=0')));
    const late = answers.filter(({ status }) => status === 429);
    expect(late.length).toBe(30);
    expect(Number(late[0]?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(late[0]?.body.schemas).toEqual([ERROR]);
    const stop = await call('POST', '/v1/containments', { body: { scope: 'workspace', target: '*' } });
    expect(stop.status).toBeLessThan(300);
    await server.close();
  });
});
