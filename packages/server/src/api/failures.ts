/** Whatever goes wrong in a route becomes one error envelope; what is not an answer is told as little as possible. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ChallengeFailure, Failure } from '../errors.ts';
import { LogOverloaded, LogUnavailable } from '../log/index.ts';

/** The error envelope, as OpenAPI shows it. */
export const errorSchema = z
  .object({
    error: z.object({
      code: z.string().meta({ description: 'Stable; programs compare this.' }),
      cause: z.string(),
      remedy: z.string(),
      request_id: z.string(),
      problems: z.array(z.unknown()).optional(),
    }),
  })
  .meta({ id: 'Error', description: 'Every refusal and failure.' });

/** SQLSTATE classes of a database that is not there for us: connection, resources, operator intervention. */
const DATABASE_AWAY = /^(08|53|57)/;
const CONNECTION_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EHOSTUNREACH']);
const CONNECTION_MESSAGES = /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered)/;

/** SQLSTATE of a text, and of JSON, with U+0000: PostgreSQL has no such text. */
const UNSTORABLE: ReadonlySet<unknown> = new Set(['22021', '22P05']);

function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return DATABASE_AWAY.test(code) || CONNECTION_CODES.has(code) || CONNECTION_MESSAGES.test(error.message);
}

interface Problem {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly path: string;
}

/** Where the request does not fit its schema, without repeating values: they may be secrets. */
function requestInvalid({
  validation,
  validationContext,
}: Pick<FastifyError, 'validation' | 'validationContext'>): Failure {
  const place = validationContext ?? 'request';
  const problems: Problem[] = (validation ?? []).map(({ keyword, message, instancePath }) => ({
    code: keyword,
    message: message ?? 'does not fit',
    remedy: 'See /docs for the shape.',
    path: `${place}${instancePath.replaceAll('/', '.').replace(/\.$/, '')}`,
  }));
  const [first] = problems;
  const where = first === undefined ? '' : ` (${first.path}: ${first.message})`;
  return new Failure(
    400,
    'request_invalid',
    `The request does not fit what this route takes${where}.`,
    'Correct the places in problems; /docs has the shape.',
    problems,
  );
}

/** The failure an error stands for; undefined for a bug. */
export function failureOf(error: unknown): Failure | undefined {
  if (error instanceof Failure) return error;
  if (error instanceof LogUnavailable || isDatabaseAway(error))
    return new Failure(
      503,
      'log_unavailable',
      'The database does not answer, so nothing can be recorded; nothing was done.',
      'Try again; if it lasts, see /readyz and hivekey doctor.',
    );
  if (error instanceof Error && 'code' in error && UNSTORABLE.has(error.code))
    return new Failure(
      400,
      'text_invalid',
      'A text of the request contains U+0000, which cannot be stored; nothing was done.',
      'Leave the character out.',
    );
  if (error instanceof LogOverloaded)
    return new Failure(503, 'overloaded', 'Too much is waiting to be recorded; nothing was done.', 'Try again later.');
  if (!(error instanceof Error)) return undefined;
  const fastifyError: Partial<FastifyError> = error;
  if (hasZodFastifySchemaValidationErrors(error)) return requestInvalid(fastifyError);
  if (fastifyError.code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new Failure(413, 'body_too_large', 'The body is larger than allowed.', 'Send a smaller body.');
  const status = fastifyError.statusCode ?? 500;
  if (fastifyError.code?.startsWith('FST_ERR') === true && status >= 400 && status < 500)
    return new Failure(status, 'request_invalid', 'The request is not valid HTTP for this route.', 'See /docs.');
  return undefined;
}

const BUG = new Failure(
  500,
  'internal_error',
  'HiveKey failed at this request.',
  'Report the request_id; the server log has the details.',
);

export function answerFailure(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const failure = failureOf(error);
  if (failure === undefined) request.log.error({ err: error, request_id: request.id }, 'a request failed');
  const { status } = failure ?? BUG;
  if (status === 503 && !reply.hasHeader('retry-after')) reply.header('retry-after', '1');
  if (failure instanceof ChallengeFailure)
    for (let i = 0; i + 1 < failure.headers.length; i += 2)
      reply.header(failure.headers[i] ?? '', failure.headers[i + 1] ?? '');
  else if (status === 401) reply.header('www-authenticate', 'Bearer realm="hivekey"');
  // Past the serialiser: an answer that fits no schema still has to reach the caller.
  reply
    .code(status)
    .type('application/json; charset=utf-8')
    .serializer(JSON.stringify)
    .send((failure ?? BUG).body(request.id));
}
