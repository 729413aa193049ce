/** Requests a minute for each credential, and failed logins a minute for each address: beyond it 429 with Retry-After. */
import { createHash } from 'node:crypto';
import rateLimit from '@fastify/rate-limit';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Failure } from '../errors.ts';
import { sessionIdOf } from '../identity/index.ts';
import type { Api } from './context.ts';

const MINUTE_MS = 60_000;
const FAILED_LOGINS_PER_MINUTE = 60;

export interface Limits {
  /** Counts a request of the credential in. Throws `too_many_requests`. */
  request(request: FastifyRequest, reply: FastifyReply): Promise<void>;
  /**
   * Counts a failed login and gives what to throw: the failure, or `too_many_failed_logins`. A right
   * credential is never turned away for it, so that nobody behind the same proxy can lock others out.
   */
  failedLogin(request: FastifyRequest, reply: FastifyReply, failure: Failure): Promise<Failure>;
}

const BEARER = /^Bearer +(\S+)$/i;

/**
 * Whose request: the credential (hashed, it stays in memory), or the address where there is none. What can be
 * written in many ways around a credential does not count, or each way would have a limit of its own.
 */
function credentialOf(request: FastifyRequest, isHttps: boolean): string {
  const { authorization } = request.headers;
  const credential = authorization === undefined ? sessionIdOf(request, isHttps) : BEARER.exec(authorization)?.[1];
  return credential === undefined ? request.ip : createHash('sha256').update(credential).digest('base64');
}

export async function createLimits(api: Api, requestsPerMinute: number, isHttps: boolean): Promise<Limits> {
  await api.register(rateLimit, { global: false });
  const countRequest = api.createRateLimit({
    max: requestsPerMinute,
    timeWindow: MINUTE_MS,
    keyGenerator: (request) => credentialOf(request, isHttps),
  });
  const countFailure = api.createRateLimit({
    max: FAILED_LOGINS_PER_MINUTE,
    timeWindow: MINUTE_MS,
    keyGenerator: ({ ip }) => ip,
  });
  return {
    request: async (request, reply) => {
      const count = await countRequest(request);
      if (count.isAllowed || !count.isExceeded) return;
      reply.header('retry-after', String(count.ttlInSeconds));
      throw new Failure(
        429,
        'too_many_requests',
        `This credential has made more than ${requestsPerMinute} requests in a minute.`,
        'Wait as Retry-After says; HIVEKEY_REQUESTS_PER_MINUTE sets the limit.',
      );
    },
    failedLogin: async (request, reply, failure) => {
      const count = await countFailure(request);
      if (count.isAllowed || !count.isExceeded) return failure;
      reply.header('retry-after', String(count.ttlInSeconds));
      return new Failure(
        429,
        'too_many_failed_logins',
        `More than ${FAILED_LOGINS_PER_MINUTE} logins from this address failed in a minute.`,
        'Wait as Retry-After says, and use a live credential.',
      );
    },
  };
}
