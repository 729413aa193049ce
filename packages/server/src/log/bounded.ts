/** Queries that end: each has a time, after which the database gives it up. */
import type { Pool, PoolClient } from 'pg';
import { DatabaseError } from 'pg';

/** The query was given up. */
export class TookTooLong extends Error {}

/** `query_canceled`, of statement_timeout. */
const CANCELED = '57014';

/** Reads in one snapshot, for so long at most. Rejects with TookTooLong. */
export async function readFor<T>(
  pool: Pool,
  milliseconds: number,
  read: (client: PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query(
      `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = ${Math.max(1, Math.ceil(milliseconds))}`,
    );
    const result = await read(client);
    await client.query('COMMIT');
    client.release();
    return result;
  } catch (error) {
    const isOver = error instanceof DatabaseError && error.code === CANCELED;
    await client.query('ROLLBACK').then(
      () => client.release(),
      () => client.release(true),
    );
    throw isOver ? new TookTooLong('the query took too long') : error;
  }
}
