/** The accounts for emergencies: set up by an administrator, entered with a passkey alone. */
import { z } from 'zod';
import type { Api, ApiContext, Limits, Routes } from '../api/route.ts';
import { Failure } from '../errors.ts';
import {
  administratorsOf,
  checkVoucher,
  deviceOf,
  findSession,
  isHttps,
  openPersonSession,
  personActor,
  sessionBody,
  sessionCookie,
  sessionIdOf,
  sessionSchema,
} from '../identity/index.ts';
import type { WorkspaceId } from '../ids.ts';
import {
  createInvitation,
  findInvitation,
  openInvitation,
  shownInvitationSchema,
  useInvitation,
} from '../sign-in/index.ts';
import { accountsSchema, addAccount, newAccountSchema, readAccount, readAccounts } from './break-glass.ts';
import { keepChallenge, newChallenge } from './challenges.ts';
import { endAccount } from './end-account.ts';
import { addPasskey, registrationOptions } from './register.ts';
import { relyingParty } from './relying-party.ts';
import { requestOptions } from './request.ts';
import { assertionSchema, registrationSchema } from './response.ts';
import { optionsSchema, passkeyName } from './routes.ts';
import { passkeySchema } from './store.ts';
import { passkeyInvalid, useAssertion, verifyAssertion, verifyRegistration } from './verify.ts';

const tags = ['break-glass'];
const params = z.strictObject({ person: z.string().max(254) });
const ENROLMENT = { expires_in_seconds: 86_400, any_email: false } as const;

export function breakGlassRoutes(api: Api, context: ApiContext): void {
  const { pool, log, keys, url } = context;
  const linkOf = (token: { reveal(): string }) => `${url}/sign-in#enrolment=${token.reveal()}`;

  api.get(
    '/v1/break-glass',
    { schema: { tags, summary: 'The accounts for emergencies', response: { 200: accountsSchema } } },
    ({ administrator: { workspaceId } }) => readAccounts(pool, workspaceId),
  );

  api.post(
    '/v1/break-glass',
    {
      config: { answersSecret: true },
      schema: {
        tags,
        summary: 'Set up an account for emergencies',
        description:
          'An administrator who signs in with a passkey alone. The link registers it: open it on the device that will keep it.',
        body: newAccountSchema,
        response: { 201: shownInvitationSchema },
      },
    },
    async ({ administrator, body }, reply) => {
      const { view, token } = await log.transact(administrator.workspaceId, async (transaction) => {
        const person = await addAccount(transaction, administrator, body);
        return createInvitation(transaction, keys.pepper, administrator, person, 'passkey', ENROLMENT);
      });
      return reply.code(201).send({ ...view, url: linkOf(token) });
    },
  );

  api.post(
    '/v1/break-glass/:person/invitations',
    {
      config: { answersSecret: true },
      schema: {
        tags,
        summary: 'Make another link that registers a passkey',
        params,
        body: z.strictObject({}).prefault({}),
        response: { 201: shownInvitationSchema },
      },
    },
    async ({ administrator, params: { person: name } }, reply) => {
      const { workspaceId, actor } = administrator;
      const { view, token } = await log.transact(workspaceId, async (transaction) => {
        await checkVoucher(transaction.client, administrator);
        const person = await readAccount(transaction.client, workspaceId, name);
        transaction.log({
          kind: 'break_glass.changed',
          actor,
          severity: 'high',
          to: await administratorsOf(transaction.client, workspaceId),
          change: 'invited',
          person: person.email,
          person_id: person.id,
        });
        return createInvitation(transaction, keys.pepper, administrator, person, 'passkey', ENROLMENT);
      });
      return reply.code(201).send({ ...view, url: linkOf(token) });
    },
  );

  api.delete(
    '/v1/break-glass/:person',
    { schema: { tags, summary: 'End an account for emergencies', params, response: { 204: z.void() } } },
    async ({ administrator, params: { person: name } }, reply) => {
      await endAccount(context, administrator, name);
      return reply.code(204).send();
    },
  );
}

/** Before anybody is signed in. */
export function openPasskeyRoutes(limits: Limits): Routes {
  return (api, context) => {
    const { pool, log, keys, url } = context;
    const rp = relyingParty(url);
    const secure = isHttps(context);

    api.post(
      '/v1/sign-in/passkey/options',
      {
        schema: {
          tags,
          summary: 'Begin to sign in to an account for emergencies',
          security: [],
          body: z.strictObject({}).prefault({}),
          response: { 200: optionsSchema },
        },
      },
      async (request, reply) => {
        await limits.request(request, reply);
        const { rows } = await pool.query<{ id: WorkspaceId }>(
          'SELECT id FROM workspaces ORDER BY created_at, id LIMIT 1',
        );
        const [workspace] = rows;
        if (workspace === undefined) throw passkeyInvalid();
        const challenge = newChallenge();
        await keepChallenge(pool, { challenge, workspaceId: workspace.id, purpose: 'sign_in' });
        return { options: { ...(await requestOptions(rp.id, challenge, [])) } };
      },
    );

    api.post(
      '/v1/sign-in/passkey',
      {
        schema: {
          tags,
          summary: 'Sign in with a passkey alone: to an account for emergencies, or as somebody of an audit firm',
          description:
            'Each use of an account for emergencies is a record of severity `critical`. Other people sign in by their identity provider.',
          security: [],
          body: z.strictObject({ response: assertionSchema }),
          response: { 201: sessionSchema },
        },
      },
      async (request, reply) => {
        await limits.request(request, reply);
        const verified = await verifyAssertion(pool, rp, request.body.response, 'sign_in').catch(
          async (error: unknown) => {
            throw error instanceof Failure ? await limits.failedLogin(request, reply, error) : error;
          },
        );
        const { passkey } = verified;
        const { workspaceId, person, personId } = passkey;
        if (!person.breakGlass && person.engagedUntil === null)
          throw new Failure(
            403,
            'break_glass_only',
            'With a passkey alone, only accounts for emergencies sign in, and people of an audit firm while their engagement is open.',
            'Sign in by your identity provider; the passkey confirms later that it is you.',
          );
        const had = sessionIdOf(request, secure);
        const opened = await log.transact(workspaceId, async (transaction) => {
          await useAssertion(transaction, verified);
          const device = deviceOf(request);
          const session = await openPersonSession(
            transaction,
            keys.pepper,
            {
              workspaceId,
              personId,
              email: person.email,
              method: 'passkey',
              authenticatedAt: transaction.now,
              amr: ['swk', 'user'],
              steppedUp: true,
              ...(person.engagedUntil === null ? {} : { endsAt: new Date(person.engagedUntil) }),
            },
            had === undefined ? undefined : { cookie: had },
            device,
          );
          if (person.breakGlass)
            transaction.log({
              kind: 'break_glass.used',
              actor: personActor(person.email),
              severity: 'critical',
              to: await administratorsOf(transaction.client, workspaceId),
              person: person.email,
              person_id: personId,
              passkey_id: passkey.id,
              session: session.id,
              address: device.address,
            });
          return session;
        });
        const session = await findSession(pool, keys.pepper, opened.cookie);
        if (session === undefined) throw new Error('a session that was opened just now is not there');
        reply.code(201).header('set-cookie', sessionCookie(opened.cookie, opened.seconds, secure));
        return sessionBody(context, session);
      },
    );

    const token = z.string().max(128);

    api.post(
      '/v1/sign-in/enrolment/options',
      {
        schema: {
          tags,
          summary: 'Begin to register the passkey of an account for emergencies',
          security: [],
          body: z.strictObject({ invitation: token }),
          response: { 200: optionsSchema },
        },
      },
      async (request, reply) => {
        await limits.request(request, reply);
        const invited = await findInvitation(pool, keys.pepper, request.body.invitation, 'passkey').catch(
          async (error: unknown) => {
            throw error instanceof Failure ? await limits.failedLogin(request, reply, error) : error;
          },
        );
        const registrant = { ...invited, displayName: '' };
        const bound = { purpose: 'enrol', credentialId: null, invitationId: invited.id } as const;
        return { options: { ...(await registrationOptions(pool, rp, registrant, bound)) } };
      },
    );

    api.post(
      '/v1/sign-in/enrolment',
      {
        schema: {
          tags,
          summary: 'Register the passkey of an account for emergencies',
          security: [],
          body: z.strictObject({ invitation: token, name: passkeyName, response: registrationSchema }),
          response: { 201: passkeySchema },
        },
      },
      async (request, reply) => {
        await limits.request(request, reply);
        const { invitation, name, response } = request.body;
        const invited = await findInvitation(pool, keys.pepper, invitation, 'passkey');
        const verified = await verifyRegistration(pool, rp, response, 'enrol');
        if (verified.challenge.invitationId !== invited.id) throw passkeyInvalid();
        const { workspaceId } = invited;
        const passkey = await log.transact(workspaceId, async (transaction) => {
          const open = await openInvitation(transaction, workspaceId, invited.id, 'passkey');
          if (open instanceof Failure) throw open;
          await useInvitation(transaction, workspaceId, invited.id);
          const actor = personActor(invited.email);
          return addPasskey(transaction, invited, verified, { name, actor, registeredBy: 'invitation' });
        });
        return reply.code(201).send(passkey);
      },
    );
  };
}
