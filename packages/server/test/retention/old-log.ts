/** A log whose entries are old enough to be let go: with the owner's rights, as time would have done it. */
import pg from 'pg';
import type { TestServer } from '../../../../test/setup/server.ts';

export async function asOwner(
  server: Pick<TestServer, 'ownerUrl'>,
  text: string,
  values: readonly unknown[] = [],
): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: server.ownerUrl });
  await client.connect();
  try {
    return (await client.query(text, [...values])).rows;
  } finally {
    await client.end();
  }
}

/** What is sealed now was sealed `days` ago. */
export async function age(server: Pick<TestServer, 'ownerUrl'>, days: number): Promise<void> {
  await asOwner(server, 'ALTER TABLE log_seals DISABLE TRIGGER append_only');
  await asOwner(server, 'UPDATE log_seals SET sealed_at = sealed_at - make_interval(days => $1)', [days]);
  await asOwner(server, 'ALTER TABLE log_seals ENABLE TRIGGER append_only');
}
