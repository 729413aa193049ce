import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, roleFile, type World } from '../agents/world.ts';

let world: World;

beforeAll(async () => {
  world = await openWorld();
  for (const name of ['mail.read', 'mail.send', 'payments.pay']) await world.capability(name);
});
afterAll(() => world.server.close());

const YAML = `apiVersion: policy.hivekey.ai/v1
kind: Role
metadata:
  name: support-agent
  description: Reads the support inbox and replies
scope:
  allow:
    - mail.read
    - mail.send
guards: []
`;
const DOMAINS = {
  id: 'approved-domains',
  action: 'mail.send',
  when: { field: 'to.domain', in: ['acme.com', 'acme-support.com'] },
  effect: 'allow',
  otherwise: 'deny',
};
const VOLUME = {
  id: 'daily-volume-cap',
  action: 'mail.send',
  when: { field: 'rate.per_day', lte: 500 },
  effect: 'allow',
  otherwise: 'review',
};
const yaml = { headers: { 'content-type': 'application/yaml' } };

describe('a role', () => {
  it('is created from the published file and patched with the published guards', async () => {
    const role = await world.ok('POST', '/v1/roles', YAML, yaml);
    expect(role).toMatchObject({
      object: 'role',
      name: 'support-agent',
      description: 'Reads the support inbox and replies',
      revision: 1,
      allow: ['mail.read', 'mail.send'],
      guards: [],
      agents: 0,
      author: 'key:first',
      change: 'created',
      document: roleFileWithDescription(),
    });
    const guarded = await world.ok('PATCH', '/v1/roles/support-agent', { guards: [DOMAINS, VOLUME] });
    expect(guarded).toMatchObject({
      revision: 2,
      allow: role.allow,
      change: 'updated',
      document: { guards: [DOMAINS, VOLUME] },
    });
    expect(guarded.guards).toMatchObject([DOMAINS, VOLUME]);
    for (const { sentence } of guarded.guards) expect(sentence).toMatch(/\w+ /);
    const { change: _, ...view } = guarded;
    expect(await world.ok('GET', '/v1/roles/support-agent')).toEqual(view);
    expect(await world.refused('POST', '/v1/roles', YAML, yaml)).toBe('role_exists');
  });

  it('keeps every revision readable', async () => {
    expect(await world.ok('GET', '/v1/roles/support-agent?revision=1')).toMatchObject({ revision: 1, guards: [] });
    const { data } = await world.ok('GET', '/v1/roles/support-agent/revisions?limit=1');
    expect(data).toMatchObject([{ revision: 2 }]);
    const all = await world.ok('GET', '/v1/roles/support-agent/revisions');
    expect(all.data.map(({ revision }: { revision: number }) => revision)).toEqual([2, 1]);
    expect(await world.refused('GET', '/v1/roles/support-agent?revision=3')).toBe('role_revision_not_found');
    expect(await world.refused('GET', '/v1/roles/none')).toBe('role_not_found');
    expect(await world.refused('GET', '/v1/roles/none/revisions')).toBe('role_not_found');
  });

  it('is unchanged by the same content, however it is written', async () => {
    await world.role('same', ['mail.read']);
    const { guards, ...rest } = roleFile('same', ['mail.read']);
    const document = { guards, ...rest };
    expect(await world.ok('PUT', '/v1/roles/same', document)).toMatchObject({ revision: 1, change: 'unchanged' });
    const text = 'kind: Role\nscope: {allow: [mail_read]}\nmetadata: {name: same}\napiVersion: policy.hivekey.ai/v1\n';
    expect(await world.ok('PUT', '/v1/roles/same', text, yaml)).toMatchObject({ revision: 1, change: 'unchanged' });
    expect(await world.ok('PATCH', '/v1/roles/same', { guards: [] })).toMatchObject({
      revision: 1,
      change: 'unchanged',
    });
    const { policy_revision: before } = await world.ok('GET', '/v1/workspace');
    expect(await world.ok('PUT', '/v1/roles/same', roleFile('same', ['mail.send']))).toMatchObject({
      revision: 2,
      change: 'updated',
    });
    expect((await world.ok('GET', '/v1/workspace')).policy_revision).toBe(before + 1);
    const records = await world.events('kind=role.changed', 4);
    expect(records.find(({ role }) => role === 'same')).toMatchObject({
      role: 'same',
      role_rev: 2,
      prev_role_rev: 1,
      granted: ['mail.send'],
      withdrawn: ['mail.read'],
    });
  });

  it('applied by two at once is one revision for one content, and two in order for two', async () => {
    const same = await Promise.all(
      Array.from({ length: 6 }, () => world.ok('PUT', '/v1/roles/raced', roleFile('raced', ['mail.read']))),
    );
    expect(same.map(({ change }) => change).sort()).toEqual([
      'created',
      ...Array.from({ length: 5 }, () => 'unchanged'),
    ]);
    const contents = [['mail.send'], ['payments.pay'], ['mail.read', 'mail.send']];
    const applied = await Promise.all(
      contents.map((allow) => world.ok('PUT', '/v1/roles/raced', roleFile('raced', allow))),
    );
    expect(applied.map(({ revision }) => revision).sort()).toEqual([2, 3, 4]);
    for (const [i, { revision }] of applied.entries())
      expect(await world.ok('GET', `/v1/roles/raced?revision=${revision}`)).toMatchObject({ allow: contents[i] });
  });

  it('binds every wearer on the next action', async () => {
    await world.role('binder', ['mail.read']);
    const tokens = await Promise.all(
      ['wearer-a', 'wearer-b'].map(async (name) => {
        await world.agent(name, { role: 'binder' });
        return world.token(name);
      }),
    );
    for (const token of tokens) expect((await world.act(token, 'mail.read')).status).toBe(200);
    expect(await world.ok('PATCH', '/v1/roles/binder', { scope: { allow: [] } })).toMatchObject({
      agents: 2,
      allow: [],
    });
    for (const token of tokens) expect((await world.act(token, 'mail.read')).body.error.code).toBe('action_unknown');
    await world.ok('PATCH', '/v1/roles/binder', { scope: { allow: ['mail.read'] } });
    for (const token of tokens) expect((await world.act(token, 'mail.read')).status).toBe(200);
  });

  it.each([
    ['a wildcard', roleFile('bad', ['mail.*']), 'scope.allow[0]'],
    [
      'an operator nobody knows',
      roleFile('bad', [], [{ ...DOMAINS, when: { field: 'to.domain', near: 'acme.com' } }]),
      'guards[0].when',
    ],
    [
      'two operators',
      roleFile('bad', [], [{ ...DOMAINS, when: { field: 'amount', lte: 1, gte: 0 } }]),
      'guards[0].when',
    ],
    ['a guard id twice', roleFile('bad', [], [VOLUME, VOLUME]), 'guards[1].id'],
    ['a field nobody knows', { ...roleFile('bad'), owner: 'dana' }, 'owner'],
  ])('is refused with %s, and the place is named', async (_what, document, path) => {
    const { status, body } = await world.call('POST', '/v1/roles', { body: document });
    expect([status, body.error.code]).toEqual([422, 'role_invalid']);
    expect(body.error.problems[0].path.startsWith(path)).toBe(true);
    expect(body.error.problems[0]).toMatchObject({
      code: expect.any(String),
      message: expect.any(String),
      remedy: expect.any(String),
    });
    expect(await world.refused('GET', '/v1/roles/bad')).toBe('role_not_found');
  });

  it('names line and column of a problem in a file', async () => {
    const { body } = await world.call('PUT', '/v1/roles/support-agent', {
      body: YAML.replace('mail.send', '"*"'),
      headers: yaml.headers,
    });
    expect(body.error.problems[0]).toMatchObject({ path: 'scope.allow[1]', line: 9 });
  });

  it('cannot be renamed by its file', async () => {
    expect(await world.refused('PUT', '/v1/roles/other', roleFile('support-agent'))).toBe('role_name_differs');
  });

  it('keeps names with spaces', async () => {
    await world.role('Support · L2', ['mail.read']);
    expect(await world.ok('GET', `/v1/roles/${encodeURIComponent('Support · L2')}`)).toMatchObject({
      allow: ['mail.read'],
    });
  });

  it('lists by name, page by page', async () => {
    const names: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const list = await world.ok('GET', `/v1/roles?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
      names.push(...list.data.map(({ name }: { name: string }) => name));
      cursor = list.next_cursor;
    }
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain('support-agent');
  });
});

describe('a preview', () => {
  it('says what publishing would change, and changes nothing', async () => {
    await world.role('previewed', ['mail.read']);
    await world.agent('previewer', { role: 'previewed' });
    const preview = await world.ok('POST', '/v1/roles/previewed/preview', {
      scope: { allow: ['mail.send', 'no.such'] },
      guards: [DOMAINS],
    });
    expect(preview).toMatchObject({
      object: 'role_preview',
      agents: 1,
      added: ['mail.send', 'no.such'],
      removed: ['mail.read'],
      tools: [
        {
          name: 'mail.send',
          kind: 'action',
          namespace: null,
          pin: null,
          access: 'write',
          guards: [expect.any(String)],
        },
      ],
      guards: [expect.any(String)],
      problems: [{ code: 'capability_unknown', path: 'scope.allow[1]' }],
    });
    expect(await world.ok('GET', '/v1/roles/previewed')).toMatchObject({ revision: 1, allow: ['mail.read'] });
    const { data } = await world.ok('GET', '/v1/agents/previewer/tools');
    expect(data).toMatchObject([{ name: 'mail.read', capability: 'mail.read', kind: 'action' }]);
    await world.ok('PATCH', '/v1/roles/previewed', { scope: { allow: ['mail.send', 'no.such'] }, guards: [DOMAINS] });
    expect((await world.ok('GET', '/v1/agents/previewer/tools')).data).toEqual(preview.tools);
  });
});

describe('the matrix', () => {
  it('has every role and capability, with the guards on each cell', async () => {
    const matrix = await world.ok('GET', '/v1/matrix');
    const row = matrix.roles.find(({ name }: { name: string }) => name === 'support-agent');
    expect(row).toMatchObject({ revision: 2, agents: 0, allow: ['mail.read', 'mail.send'] });
    expect(Object.keys(row.guarded)).toEqual(['mail.send']);
    expect(row.guarded['mail.send']).toHaveLength(2);
    expect(matrix.capabilities).toContainEqual({
      name: 'payments.pay',
      description: '',
      access: 'write',
      destructive: false,
      stopped: false,
    });
  });
});

describe('guards of the workspace', () => {
  it('apply to every agent, and are versioned', async () => {
    expect(await world.ok('GET', '/v1/workspace/guards')).toMatchObject({ revision: 0, guards: [], author: null });
    await world.role('payer', ['payments.pay']);
    await world.agent('payer-bot', { role: 'payer' });
    const token = await world.token('payer-bot');
    expect((await world.act(token, 'payments.pay')).status).toBe(200);
    const guard = {
      id: 'no-payments',
      action: 'payments.*',
      when: { field: 'action', eq: 'payments.pay' },
      effect: 'deny',
    };
    const put = await world.ok('PUT', '/v1/workspace/guards', { guards: [guard] });
    expect(put).toMatchObject({
      object: 'workspace_guards',
      revision: 1,
      guards: [{ ...guard, otherwise: 'allow' }],
      author: 'key:first',
    });
    expect((await world.act(token, 'payments.pay')).body.decision.reason_class).toBe('guard');
    expect(await world.ok('PUT', '/v1/workspace/guards', { guards: [guard] })).toEqual(put);
    const { status, body } = await world.call('PUT', '/v1/workspace/guards', { body: { guards: [{ id: 'x' }] } });
    expect([status, body.error.code]).toEqual([422, 'guards_invalid']);
    expect(await world.refused('PUT', '/v1/workspace/guards', { rules: [] })).toBe('request_invalid');
    await world.ok(
      'PUT',
      '/v1/workspace/guards',
      'apiVersion: policy.hivekey.ai/v1\nkind: WorkspaceGuards\nguards: []\n',
      yaml,
    );
    expect((await world.act(token, 'payments.pay')).status).toBe(200);
    expect(await world.ok('GET', '/v1/workspace/guards')).toMatchObject({ revision: 2, guards: [] });
  });

  it('are shown as they are written, so that what is put back is what was there', async () => {
    const written = [
      // The model turns this one round: it allows within the window.
      { id: 'many', action: 'payments.*', when: { field: 'rate.per_hour', gt: 20 }, effect: 'review' },
      {
        id: 'large',
        action: 'payments.pay',
        when: { field: 'amount', gt: '$200' },
        effect: 'review',
        approval: { people: 2, groups: ['finance'], within: '4h' },
        mode: 'shadow',
      },
    ];
    const { guards, revision } = await world.ok('PUT', '/v1/workspace/guards', { guards: written });
    expect(guards).toMatchObject([
      { ...written[0], otherwise: 'allow', approval: null, mode: 'enforce' },
      { ...written[1], otherwise: 'allow' },
    ]);
    const back = guards.map(({ sentence: _, mode, approval, otherwise: __, ...rest }: (typeof guards)[number]) => ({
      ...rest,
      ...(approval === null ? {} : { approval }),
      ...(mode === 'shadow' ? { mode } : {}),
    }));
    expect(await world.ok('PUT', '/v1/workspace/guards', { guards: back })).toMatchObject({ revision });
  });
});

function roleFileWithDescription() {
  const file = roleFile('support-agent', ['mail.read', 'mail.send']);
  return { ...file, metadata: { name: 'support-agent', description: 'Reads the support inbox and replies' } };
}
