/**
 * `Idempotency-Key`: the same key with the same request runs once and answers the same for 24 hours.
 * The row of the key is taken before the handler runs and completed with its answer; an answer that was
 * lost in between (a crash, the database gone) leaves the key taken, because whether the request had its
 * effect cannot be told.
 */
import { createHmac, type KeyObject } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { Api } from './context.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The answer shows a credential once: it is never stored. */
    readonly answersSecret?: true;
  }
}

const KEY = /^[\x21-\x7e]{1,255}$/;
const METHODS = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);
const KEPT_HOURS = 24;
/** A key without an answer is in progress for this long; later its outcome is unknown. */
const IN_PROGRESS_SECONDS = 60;
/** Answers after which nothing was done, or not yet (202): the key may be used again. */
const NOTHING_DONE = new Set([202, 429, 502, 503, 504]);

const TAKE = `
INSERT INTO idempotency_keys (workspace_id, actor, key, request_sha256) VALUES ($1, $2, $3, $4)
ON CONFLICT (workspace_id, actor, key) DO UPDATE
   SET request_sha256 = excluded.request_sha256, status = NULL, response = NULL, created_at = now()
 WHERE idempotency_keys.created_at < now() - interval '${KEPT_HOURS} hours'
RETURNING key`;

/** Whose keys: two callers may use the same key for different things. */
interface Caller {
  readonly workspaceId: WorkspaceId;
  readonly actor: string;
}

interface Taken extends Caller {
  readonly key: string;
}

interface StoredAnswer {
  request_sha256: string;
  status: number | null;
  response: string | null;
  overdue: boolean;
}

export interface IdempotencyOptions {
  readonly pool: Pool;
  /** Keys the digest of requests: a request may hold a secret of few bits. */
  readonly key: KeyObject;
  /** Who calls; known before the body is read. */
  callerOf(request: FastifyRequest): Caller;
}

/** Adds idempotency to the routes registered on `api` after this. */
export function installIdempotency(api: Api, { pool, key: digestKey, callerOf }: IdempotencyOptions): void {
  const taken = new WeakMap<FastifyRequest, Taken>();

  api.addHook('preHandler', async (request, reply) => {
    const key = request.headers['idempotency-key'];
    if (key === undefined || !METHODS.has(request.method)) return;
    if (typeof key !== 'string' || !KEY.test(key))
      throw new Failure(
        400,
        'idempotency_key_invalid',
        'Idempotency-Key is not 1 to 255 printable ASCII characters.',
        'Send a random identifier, such as a UUID.',
      );
    const caller = callerOf(request);
    const digest = digestOf(digestKey, request);
    const { rowCount } = await pool.query({
      name: 'idempotency-take',
      text: TAKE,
      values: [caller.workspaceId, caller.actor, key, digest],
    });
    if (rowCount === 1) {
      taken.set(request, { ...caller, key });
      return;
    }
    await replay(pool, { ...caller, key }, digest, reply);
    return reply;
  });

  api.addHook('onSend', async (request, reply, payload) => {
    const mine = taken.get(request);
    if (mine === undefined) return;
    taken.delete(request);
    const showsSecret = request.routeOptions.config.answersSecret === true && reply.statusCode < 300;
    await keep(pool, mine, reply, showsSecret ? null : String(payload ?? '')).catch(
      // The request had its effect; its answer still goes out. A replay will be told that the outcome is unknown.
      (error: unknown) => request.log.warn({ err: error }, 'an idempotent answer could not be kept'),
    );
  });
}

function digestOf(key: KeyObject, { method, url, body }: FastifyRequest): string {
  return createHmac('sha256', key)
    .update(JSON.stringify(['idempotent-request', method, url, body ?? null]))
    .digest('hex');
}

/** `answer` is null for one that must not be stored. */
async function keep(pool: Pool, { workspaceId, actor, key }: Taken, reply: FastifyReply, answer: string | null) {
  const which = [workspaceId, actor, key];
  if (NOTHING_DONE.has(reply.statusCode)) {
    await pool.query('DELETE FROM idempotency_keys WHERE workspace_id = $1 AND actor = $2 AND key = $3', which);
    return;
  }
  await pool.query(
    'UPDATE idempotency_keys SET status = $4, response = $5 WHERE workspace_id = $1 AND actor = $2 AND key = $3',
    [...which, reply.statusCode, answer === null ? null : JSON.stringify(answer)],
  );
}

async function replay(pool: Pool, { workspaceId, actor, key }: Taken, digest: string, reply: FastifyReply) {
  const { rows } = await pool.query<StoredAnswer>({
    name: 'idempotency-find',
    text: `SELECT request_sha256, status, response #>> '{}' AS response,
                  created_at < now() - interval '${IN_PROGRESS_SECONDS} seconds' AS overdue
             FROM idempotency_keys WHERE workspace_id = $1 AND actor = $2 AND key = $3`,
    values: [workspaceId, actor, key],
  });
  const [stored] = rows;
  if (stored !== undefined && stored.request_sha256 !== digest)
    throw new Failure(
      422,
      'idempotency_key_reused',
      'This Idempotency-Key was used for another request.',
      'Use a new key for each request; repeat a request exactly.',
    );
  // No row: the request that held the key came to nothing just now.
  if (stored === undefined || (stored.status === null && !stored.overdue)) {
    reply.header('retry-after', '1');
    throw new Failure(
      409,
      'idempotency_in_progress',
      'The first request with this Idempotency-Key is being answered.',
      'Repeat the request in a moment.',
    );
  }
  if (stored.status === null)
    throw new Failure(
      409,
      'idempotency_outcome_unknown',
      'The first request with this Idempotency-Key never got an answer; it may have had its effect.',
      'Look whether it did, then use a new key.',
    );
  if (stored.response === null)
    throw new Failure(
      409,
      'idempotency_secret_shown',
      'The answer to this Idempotency-Key showed a credential, which is shown once only.',
      'Revoke that credential and make another with a new key.',
    );
  reply.code(stored.status).header('idempotency-replayed', 'true');
  if (stored.response === '') await reply.send();
  else await reply.type('application/json; charset=utf-8').serializer(String).send(stored.response);
}

/** Forgets keys that are over. Run it now and then. */
export async function forgetIdempotencyKeys(pool: Pool): Promise<void> {
  await pool.query(`DELETE FROM idempotency_keys WHERE created_at < now() - interval '${KEPT_HOURS} hours'`);
}
