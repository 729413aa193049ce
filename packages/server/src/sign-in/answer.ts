/** What a browser is answered that comes back from a provider: on to a page of the console, signed in or with the reason why not. */
import type { FastifyReply } from 'fastify';
import { Failure } from '../errors.ts';
import { type OpenedSession, sessionCookie } from '../identity/index.ts';
import { returnPath } from './return-path.ts';

/** 303, also after the POST of SAML. The session cookie is set on this answer. */
export function answerSignedIn(
  reply: FastifyReply,
  { cookie, seconds }: OpenedSession,
  returnTo: string,
  secure: boolean,
): FastifyReply {
  return reply.header('set-cookie', sessionCookie(cookie, seconds, secure)).redirect(returnPath(returnTo), 303);
}

/** The sign-in page says what the code means. Whatever is no Failure is a bug, and thrown on. */
export function answerRefused(reply: FastifyReply, error: unknown): FastifyReply {
  if (!(error instanceof Failure)) throw error;
  return reply.redirect(`/sign-in?refused=${encodeURIComponent(error.code)}`, 303);
}
