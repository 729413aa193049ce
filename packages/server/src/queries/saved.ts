/** Filters that are asked for again: one's own, or everybody's. Each change is on the log. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import { type Administrator, savedFilterSchema } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { newId, type PersonId, type WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';

const YEAR_SECONDS = 366 * 86_400;

export const newQuerySchema = z
  .strictObject({
    name: z.string().trim().min(1).max(100),
    description: z.string().trim().max(500).default(''),
    filter: savedFilterSchema,
    last_seconds: z.int().min(1).max(YEAR_SECONDS).nullable().default(null).meta({
      description: 'So long up to when it is asked, in place of from and to.',
    }),
    shared: z.boolean().default(false).meta({ description: 'Whether everybody sees it.' }),
  })
  .refine(({ filter, last_seconds: last }) => last === null || (filter.from === undefined && filter.to === undefined), {
    error: 'goes without from and to',
    path: ['last_seconds'],
  });
export type NewQuery = z.output<typeof newQuerySchema>;

export const savedQuerySchema = z
  .object({
    id: z.string(),
    object: z.literal('log_query'),
    name: z.string(),
    description: z.string(),
    filter: z.record(z.string(), z.string()),
    last_seconds: z.int().nullable(),
    shared: z.boolean(),
    owner: z.string(),
    mine: z.boolean(),
    updated_at: z.int(),
  })
  .meta({ id: 'LogQuery' });
type QueryView = z.output<typeof savedQuerySchema>;

const MAX_OWN = 200;

const QUERIES = `
SELECT id, 'log_query' AS object, name, description, filter, last_seconds, shared, owner, owner_id = $2 AS mine,
       floor(extract(epoch FROM updated_at))::bigint AS updated_at
  FROM log_queries WHERE workspace_id = $1 AND (shared OR owner_id = $2)`;

/** By name. One's own, and those that are shared. */
export async function listQueries(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  person: PersonId | undefined,
): Promise<readonly QueryView[]> {
  const { rows } = await client.query<QueryView>(`${QUERIES} ORDER BY lower(name), id LIMIT 1000`, [
    workspaceId,
    person ?? '',
  ]);
  return rows;
}

/** Throws `person_required`, `query_name_taken`, `too_many_queries`. */
export async function saveQuery(
  transaction: LoggedTransaction,
  who: Administrator,
  wanted: NewQuery,
): Promise<QueryView> {
  const { client } = transaction;
  const { workspaceId } = who;
  const person = personOf(who);
  const { rows } = await client.query<{ count: number }>(
    'SELECT count(*) AS count FROM log_queries WHERE workspace_id = $1 AND owner_id = $2',
    [workspaceId, person.id],
  );
  if ((rows[0]?.count ?? 0) >= MAX_OWN)
    throw new Failure(409, 'too_many_queries', `You keep ${MAX_OWN} queries already.`, 'Remove one of them first.');
  await refuseTaken(client, who, wanted, undefined);
  const id = newId<string>('qry');
  await client.query(
    `INSERT INTO log_queries (workspace_id, id, name, description, filter, last_seconds, shared, owner_id, owner)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [
      workspaceId,
      id,
      wanted.name,
      wanted.description,
      JSON.stringify(wanted.filter),
      wanted.last_seconds,
      wanted.shared,
      person.id,
      person.email,
    ],
  );
  const saved = await readOwn(client, who, id);
  note(transaction, who, 'saved', saved);
  return saved;
}

/** In place of what it was. Throws `query_not_found` for those of others too, and as `saveQuery`. */
export async function replaceQuery(
  transaction: LoggedTransaction,
  who: Administrator,
  id: string,
  wanted: NewQuery,
): Promise<QueryView> {
  const { client } = transaction;
  await readOwn(client, who, id);
  await refuseTaken(client, who, wanted, id);
  await client.query(
    `UPDATE log_queries SET name = $3, description = $4, filter = $5, last_seconds = $6, shared = $7, updated_at = clock_timestamp()
      WHERE workspace_id = $1 AND id = $2`,
    [
      who.workspaceId,
      id,
      wanted.name,
      wanted.description,
      JSON.stringify(wanted.filter),
      wanted.last_seconds,
      wanted.shared,
    ],
  );
  const saved = await readOwn(client, who, id);
  note(transaction, who, 'replaced', saved);
  return saved;
}

/** One's own, and for whoever administers those that are shared. Throws `query_not_found`. */
export async function removeQuery(transaction: LoggedTransaction, who: Administrator, id: string): Promise<void> {
  const { client } = transaction;
  const found = (await listQueries(client, who.workspaceId, who.person?.id)).find((each) => each.id === id);
  if (found === undefined || !(found.mine || who.roles.includes('admin'))) throw notFound(id);
  await client.query('DELETE FROM log_queries WHERE workspace_id = $1 AND id = $2', [who.workspaceId, id]);
  note(transaction, who, 'removed', found);
}

function note(
  { log }: LoggedTransaction,
  { actor, person }: Administrator,
  change: 'saved' | 'replaced' | 'removed',
  { id, name, filter, last_seconds: last, shared, owner }: QueryView,
): void {
  log({
    kind: 'log_query.changed',
    actor,
    person: person?.email,
    change,
    query_id: id,
    query: name,
    owner,
    shared,
    selection: filter,
    last_seconds: last ?? undefined,
  });
}

async function readOwn(client: ClientBase, { workspaceId, person }: Administrator, id: string): Promise<QueryView> {
  const found = (await listQueries(client, workspaceId, person?.id)).find((each) => each.id === id && each.mine);
  if (found === undefined) throw notFound(id);
  return found;
}

/** Of names that are shared one each, of one's own one each. */
async function refuseTaken(
  client: ClientBase,
  { workspaceId, person }: Administrator,
  { name, shared }: NewQuery,
  but: string | undefined,
): Promise<void> {
  const known = await listQueries(client, workspaceId, person?.id);
  const taken = known.find(
    (each) =>
      each.id !== but &&
      each.name.toLowerCase() === name.toLowerCase() &&
      each.shared === shared &&
      (shared || each.mine),
  );
  if (taken !== undefined)
    throw new Failure(409, 'query_name_taken', `There is a query "${taken.name}" already.`, 'Give it another name.');
}

function personOf({ person }: Administrator) {
  if (person !== undefined) return person;
  throw new Failure(
    403,
    'person_required',
    'A query is kept by a person, and this key belongs to none.',
    'Sign in, or use a key of your own: hivekey key create NAME --person E-MAIL.',
  );
}

function notFound(id: string): Failure {
  return new Failure(
    404,
    'query_not_found',
    `You keep no query "${id}".`,
    'List them with GET /v1/audit/queries; what others share is changed by them, or removed by an administrator.',
  );
}
