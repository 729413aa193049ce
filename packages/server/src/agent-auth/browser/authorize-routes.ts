/** Where a client sends the browser, and where the browser goes on after the person has answered. */
import { z } from 'zod';
import type { Api, ApiContext, FastifyRequest, Limits } from '../../api/route.ts';
import type { Answered } from './run.ts';
import { askedOf } from './server.ts';

const tags = ['oauth'];
const CODE = /^[a-z_]{1,64}$/;
/** Of a session of the library's own, which nobody has here. */
const UNUSED_COOKIE = /^hivekey-unused/;
const problem = z.object({ error: z.string(), error_description: z.string().optional() });

/** For everybody: whoever is meant signs in on the way. */
export function authorizeRoutes(limits: Limits): (api: Api, context: ApiContext) => void {
  return (api, { browserSignIn, logger }) => {
    const serve = (route: string, summary: string): void => {
      api.get(
        route,
        {
          schema: { tags, summary, security: [], response: { 303: z.void(), 400: problem, 503: problem } },
          onRequest: limits.request,
        },
        async (request, reply) => {
          reply.header('pragma', 'no-cache');
          const answered = await browserSignIn.run(askedOf(request)).catch((error: unknown) => {
            logger.error({ err: error, request_id: request.id }, 'the browser sign-in failed');
            return undefined;
          });
          for (const cookie of cookiesOf(answered)) reply.header('set-cookie', cookie);
          const location = locationOf(answered);
          if (location !== undefined) return reply.redirect(location, 303);
          // Never to the client: nobody knows that its address is right. A person is shown it, a program reads it.
          const why = problemOf(answered);
          if (isBrowser(request))
            return reply.redirect(`/connect?refused=${CODE.test(why.error) ? why.error : ''}`, 303);
          return reply.code(answered === undefined || answered.status >= 500 ? 503 : 400).send(why);
        },
      );
    };
    serve('/oauth/authorize', 'Sign in through a browser (authorization code: RFC 6749, 7636, 8707, 9207)');
    serve('/oauth/authorize/:uid', 'Go on after the person has answered');
  };
}

function cookiesOf(answered: Answered | undefined): readonly string[] {
  return [answered?.headers['set-cookie'] ?? []]
    .flat()
    .map(String)
    .filter((cookie) => !UNUSED_COOKIE.test(cookie));
}

function locationOf(answered: Answered | undefined): string | undefined {
  if (answered === undefined || answered.status < 300 || answered.status >= 400) return undefined;
  const { location } = answered.headers;
  return typeof location === 'string' ? location : undefined;
}

function problemOf(answered: Answered | undefined): z.output<typeof problem> {
  const read = problem.safeParse(answered?.body);
  return read.success ? read.data : { error: 'temporarily_unavailable', error_description: 'try again shortly' };
}

function isBrowser({ headers }: FastifyRequest): boolean {
  return headers.accept?.includes('text/html') === true;
}
