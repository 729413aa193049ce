import pg from 'pg';
import type { TestServer } from '../../../../test/setup/server.ts';
import { loadServerKeys } from '../../src/identity/keys.ts';
import { newCredential } from '../../src/identity/token-hash.ts';
import { newId } from '../../src/ids.ts';

/** Another workspace on the same server, which no route makes; answers an admin key of a person there. */
export async function addWorkspace(
  server: Pick<TestServer, 'ownerUrl'> & { readonly config: Pick<TestServer['config'], 'data'> },
): Promise<string> {
  const { pepper } = loadServerKeys(server.config.data, undefined);
  const key = newCredential('live', pepper);
  const workspaceId = newId<string>('wsp');
  const client = new pg.Client({ connectionString: server.ownerUrl });
  await client.connect();
  await client.query(`INSERT INTO workspaces (id, name) VALUES ($1, 'second')`, [workspaceId]);
  await client.query('INSERT INTO workspace_state (workspace_id) VALUES ($1)', [workspaceId]);
  const person = newId<string>('per');
  await client.query(`INSERT INTO people (workspace_id, id, email) VALUES ($1, $2, 'stranger@second.example')`, [
    workspaceId,
    person,
  ]);
  await client.query(
    `INSERT INTO admin_keys (workspace_id, id, name, lookup_hmac, last4, created_by, person_id)
     VALUES ($1, $2, 'stranger', $3, $4, 'system', $5)`,
    [workspaceId, newId('key'), key.lookupHmac, key.last4, person],
  );
  await client.end();
  return key.text.reveal();
}
