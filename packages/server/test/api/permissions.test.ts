import { globSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PERMISSIONS } from '../../src/api/permissions.ts';
import { openWorld, type World } from '../agents/world.ts';

let world: World;

beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.server.close());

it('serves what is refused to some roles, as it will be refused', async () => {
  const { routes } = await world.ok('GET', '/v1/permissions');
  expect(routes['POST /v1/people']).toEqual(['admin']);
  // For everybody who is signed in, whatever their roles.
  expect(routes).not.toHaveProperty('DELETE /v1/session');
  const { key } = await world.ok('POST', '/v1/keys', { name: 'reader', roles: ['viewer'] });
  expect(await world.refused('POST', '/v1/people', { email: 'new@acme.example' }, { key })).toBe('role_missing');
  expect(await world.ok('GET', '/v1/permissions', undefined, { key })).toMatchObject({ routes });
});

it('knows every route that the console asks it about', () => {
  const folder = new URL('../../../console/src/', import.meta.url);
  const asked = globSync('**/*.{ts,tsx}', { cwd: folder }).flatMap((file) =>
    [
      ...readFileSync(new URL(file, folder), 'utf8').matchAll(/['"]((?:GET|POST|PUT|PATCH|DELETE) \/v1\/[^'"]+)['"]/g),
    ].map(([, route = '']) => route),
  );
  expect(asked.length).toBeGreaterThan(50);
  expect(asked.filter((route) => !(route in PERMISSIONS))).toEqual([]);
});
