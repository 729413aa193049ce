import type { FastifyRequest } from 'fastify';

/** As the request that opens a session shows it. */
export interface Device {
  readonly address?: string | undefined;
  readonly userAgent?: string | undefined;
}

/** What a session keeps of the browser, so that people tell theirs apart. */
export function deviceOf({ ip, headers }: Pick<FastifyRequest, 'ip' | 'headers'>): Device {
  return { address: ip, userAgent: headers['user-agent'] };
}
