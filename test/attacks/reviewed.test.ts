/** Ways around the review of changes that nobody sees as one: each is refused. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer } from '../../packages/server/test/api/client.ts';
import { type ChangesWorld, openChanges, type Person } from '../../packages/server/test/changes/world.ts';

let world: ChangesWorld;
let ana: Person;
beforeAll(async () => {
  world = await openChanges();
  ana = await world.person('ana', ['admin', 'author', 'operator']);
  await world.person('rita', ['reviewer']);
  await world.capability('pay.one');
  await world.role('payer', ['pay.one']);
  await world.role('bare');
  await world.role('limits', [], [deny('pay.one')]);
  await world.ok('PUT', '/v1/workspace/guards', { guards: [deny('pay.two')] });
  await world.agent('bot', { role: undefined, roles: ['payer', 'bare', 'limits'] });
  expect((await world.settings({})).status).toBe(200);
});
afterAll(() => world.server.close());

const code = ({ body }: Answer): string | undefined => body.error?.code;
const deny = (action: string) => ({ id: 'no', action: '*', when: { field: 'action', eq: action }, effect: 'deny' });

async function rolesNow(): Promise<string[]> {
  return (await world.ok('GET', '/v1/agents/bot')).roles;
}

describe('a role with guards', () => {
  it('is not taken from an agent directly: what it held back would go through', async () => {
    const take = (roles: string[]) => world.call('PATCH', '/v1/agents/bot', { body: { roles }, key: ana.key });
    expect(code(await take(['payer', 'bare']))).toBe('change_required');
    expect(code(await take(['payer']))).toBe('change_required');
    expect((await take(['payer', 'limits'])).status).toBe(200);
    expect(await rolesNow()).toEqual(['payer', 'limits']);
  });
});
