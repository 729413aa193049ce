/** A firm that audits: its people come in by the link they are given, with a passkey, as a browser does. */

import { openWorld, type World } from '../agents/world.ts';
import type { Answer, Call } from '../api/client.ts';
import { Authenticator } from './authenticator.ts';

export interface Auditor {
  readonly email: string;
  readonly engagement: string;
  readonly passkey: Authenticator;
  call(method: string, path: string, call?: Omit<Call, 'key'>): Promise<Answer>;
  ok(method: string, path: string, body?: unknown): Promise<Answer['body']>;
  refused(method: string, path: string, body?: unknown): Promise<string>;
}

export interface AuditWorld extends World {
  engagement(change?: object): Promise<Answer['body']>;
  /** Lets them in and signs them in. */
  auditor(engagement: string, email: string): Promise<Auditor>;
  enrol(url: string): Promise<Authenticator>;
  signIn(passkey: Authenticator): Promise<Answer>;
}

const DAY_MS = 86_400_000;
export const inDays = (days: number): string => new Date(Date.now() + days * DAY_MS).toISOString();

export async function openAudit(): Promise<AuditWorld> {
  const world = await openWorld();
  // Passkeys are of a name, and 127.0.0.1 is none.
  const origin = () => world.server.url.replace('127.0.0.1', 'localhost');
  const open = { key: null, headers: {} };
  const audit: AuditWorld = Object.assign(world, {
    engagement: (change: object = {}) =>
      world.ok('POST', '/v1/engagements', {
        firm: 'Ledger & Partners',
        firm_domain: 'ledger.example',
        period_from: inDays(-30),
        period_to: inDays(30),
        criteria: ['CC6.1', 'CC7.2'],
        scope: 'Agents of the finance team.',
        expires_at: inDays(60),
        ...change,
      }),
    enrol: async (url: string) => {
      const invitation = new URL(url).hash.slice('#enrolment='.length);
      const passkey = new Authenticator(origin());
      const options = await world.ok('POST', '/v1/sign-in/enrolment/options', { invitation }, open);
      const response = passkey.create(options);
      await world.ok('POST', '/v1/sign-in/enrolment', { invitation, name: 'laptop', response }, open);
      return passkey;
    },
    signIn: async (passkey: Authenticator) => {
      const options = await world.ok('POST', '/v1/sign-in/passkey/options', {}, open);
      return world.call('POST', '/v1/sign-in/passkey', { ...open, body: { response: passkey.get(options) } });
    },
    auditor: async (engagement: string, email: string) => {
      const { url } = await world.ok('POST', `/v1/engagements/${engagement}/people`, { email });
      const passkey = await audit.enrol(url);
      const answer = await audit.signIn(passkey);
      if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
      const cookie = answer.headers.get('set-cookie')?.split(';', 1)[0] ?? '';
      const headers = { cookie, 'x-csrf-token': answer.body.csrf_token, origin: world.server.url };
      const call = (method: string, path: string, more: Omit<Call, 'key'> = {}) =>
        world.call(method, path, { ...more, key: null, headers: { ...headers, ...more.headers } });
      return {
        email,
        engagement,
        passkey,
        call,
        ok: async (method: string, path: string, body?: unknown) => {
          const given = await call(method, path, body === undefined ? {} : { body });
          if (given.status >= 300) throw new Error(`${method} ${path}: ${given.status} ${JSON.stringify(given.body)}`);
          return given.body;
        },
        refused: async (method: string, path: string, body?: unknown) => {
          const given = await call(method, path, body === undefined ? {} : { body });
          if (given.status < 400) throw new Error(`${method} ${path} was not refused: ${JSON.stringify(given.body)}`);
          return given.body.error.code;
        },
      };
    },
  });
  return audit;
}
