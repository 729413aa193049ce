/** What the two large directories send, as they document it; the list is in docs/reference/scim.md. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Directory, openDirectory } from './directory.ts';
import { run } from './sequence.ts';
import entraGroups from './sequences/entra-groups.json' with { type: 'json' };
import entraUsers from './sequences/entra-users.json' with { type: 'json' };
import oktaGroups from './sequences/okta-groups.json' with { type: 'json' };
import oktaSpec from './sequences/okta-spec.json' with { type: 'json' };
import oktaUsers from './sequences/okta-users.json' with { type: 'json' };

let directory: Directory;

beforeAll(async () => {
  directory = await openDirectory();
  // Okta's own suite begins with a user that is there.
  await directory.user('first@acme.example', {
    name: { givenName: 'Fay', familyName: 'First' },
    emails: [{ value: 'first@acme.example', primary: true, type: 'work' }],
  });
});
afterAll(() => directory.world.server.close());

it.each([oktaSpec, oktaUsers, oktaGroups, entraUsers, entraGroups])('$name', async (sequence) => {
  const n = String(Math.floor(performance.now()));
  expect(await run(directory, sequence, { n, mail: `Run.${n}@atko.example`, caps: `RUN.${n}@ATKO.EXAMPLE` })).toEqual(
    [],
  );
});
