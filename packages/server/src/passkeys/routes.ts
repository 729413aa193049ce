/** Passkeys of whoever is signed in, the step-up with them, and the accounts for emergencies. */
import { z } from 'zod';
import { type Administrator, type Api, type ApiContext, listOf, type SignIn, wholeList } from '../api/route.ts';
import { Failure } from '../errors.ts';
import {
  checkFresh,
  findSession,
  isHttps,
  readAssurance,
  sessionBody,
  sessionCookie,
  sessionSchema,
  stepUpSession,
} from '../identity/index.ts';
import type { PersonId } from '../ids.ts';
import { readPerson } from '../people/index.ts';
import { keepChallenge, newChallenge } from './challenges.ts';
import { addPasskey, registrationOptions, renamePasskey, revokePasskey } from './register.ts';
import { relyingParty } from './relying-party.ts';
import { ownCredentials, requestOptions } from './request.ts';
import { assertionSchema, registrationSchema } from './response.ts';
import { listPasskeys, passkeySchema } from './store.ts';
import { passkeyInvalid, useAssertion, verifyAssertion, verifyRegistration } from './verify.ts';

const tags = ['passkeys'];
const params = z.strictObject({ id: z.string().max(64) });
export const passkeyName = z.string().trim().min(1).max(64);
/** As a browser takes it: `PublicKeyCredential.parse…OptionsFromJSON`. */
export const optionsSchema = z.object({ options: z.record(z.string(), z.unknown()) });

interface Signed {
  readonly session: SignIn;
  readonly person: { readonly id: PersonId; readonly email: string };
}

/** Of a console session that belongs to a person. Throws `session_required`. */
function signedOf({ session, person }: Administrator): Signed {
  if (session !== undefined && person !== undefined) return { session, person };
  throw new Failure(
    403,
    'session_required',
    'Passkeys belong to a person who is signed in to the console, and this is a key, or a session of nobody.',
    'Sign in to the console as yourself.',
  );
}

export function passkeyRoutes(api: Api, context: ApiContext): void {
  const { pool, log, keys, url, clock } = context;
  const rp = relyingParty(url);

  api.get(
    '/v1/passkeys',
    {
      schema: {
        tags,
        summary: 'One’s own passkeys; with `person`, as an administrator, those of somebody else',
        querystring: z.strictObject({ person: z.string().max(254).optional() }),
        response: { 200: listOf(passkeySchema) },
      },
    },
    async ({ administrator, query }) => {
      const { workspaceId, roles, person: own } = administrator;
      const other = query.person === undefined ? undefined : await readPerson(pool, workspaceId, query.person);
      if (other !== undefined && other.id !== own?.id && !roles.some((role) => role === 'admin' || role === 'auditor'))
        throw new Failure(403, 'role_missing', 'These are the passkeys of somebody else.', 'Ask an administrator.');
      const id = other?.id ?? signedOf(administrator).person.id;
      return wholeList(await listPasskeys(pool, workspaceId, id));
    },
  );

  api.post(
    '/v1/passkeys/options',
    {
      schema: {
        tags,
        summary: 'Begin to register a passkey',
        body: z.strictObject({}).prefault({}),
        response: { 200: optionsSchema },
      },
    },
    async ({ administrator }) => {
      const { session, person } = signedOf(administrator);
      const about = { workspaceId: administrator.workspaceId, personId: person.id, session };
      await checkFresh(pool, clock(), about, 'Registering a passkey');
      const { display_name: displayName } = await readPerson(pool, administrator.workspaceId, person.id);
      const registrant = {
        workspaceId: administrator.workspaceId,
        personId: person.id,
        email: person.email,
        displayName,
      };
      const bound = { purpose: 'register', credentialId: session.id, invitationId: null } as const;
      return { options: { ...(await registrationOptions(pool, rp, registrant, bound)) } };
    },
  );

  api.post(
    '/v1/passkeys',
    {
      schema: {
        tags,
        summary: 'Register a passkey',
        body: z.strictObject({ name: passkeyName, response: registrationSchema }),
        response: { 201: passkeySchema },
      },
    },
    async ({ administrator, body }, reply) => {
      const { session, person } = signedOf(administrator);
      const { workspaceId, actor } = administrator;
      const verified = await verifyRegistration(pool, rp, body.response, 'register');
      if (verified.challenge.credentialId !== session.id || verified.challenge.personId !== person.id)
        throw passkeyInvalid();
      const passkey = await log.transact(workspaceId, (transaction) =>
        addPasskey(transaction, { workspaceId, personId: person.id, email: person.email }, verified, {
          name: body.name,
          actor,
          registeredBy: session.method,
        }),
      );
      return reply.code(201).send(passkey);
    },
  );

  api.patch(
    '/v1/passkeys/:id',
    {
      schema: {
        tags,
        summary: 'Name a passkey',
        params,
        body: z.strictObject({ name: passkeyName }),
        response: { 200: passkeySchema },
      },
    },
    ({ administrator, params: { id }, body: { name } }) => renamePasskey(log, administrator, id, name),
  );

  api.post(
    '/v1/passkeys/:id/revoke',
    {
      schema: {
        tags,
        summary: 'Take a passkey back',
        params,
        body: z.strictObject({}).prefault({}),
        response: { 200: passkeySchema },
      },
    },
    ({ administrator, params: { id } }) => revokePasskey(log, administrator, id),
  );

  api.post(
    '/v1/session/step-up/options',
    {
      schema: {
        tags,
        summary: 'Begin a step-up with a passkey',
        body: z.strictObject({}).prefault({}),
        response: { 200: optionsSchema },
      },
    },
    async ({ administrator }) => {
      const { session, person } = signedOf(administrator);
      const { workspaceId } = administrator;
      const allowed = await ownCredentials(
        pool,
        workspaceId,
        person,
        'Register one under your account, or sign in anew at your provider: POST /v1/session/step-up/provider.',
      );
      const challenge = newChallenge();
      await keepChallenge(pool, {
        challenge,
        workspaceId,
        purpose: 'step_up',
        personId: person.id,
        credentialId: session.id,
      });
      return { options: { ...(await requestOptions(rp.id, challenge, allowed)) } };
    },
  );

  api.post(
    '/v1/session/step-up',
    {
      config: { answersSecret: true },
      schema: {
        tags,
        summary: 'Prove with a passkey that it is still you',
        description: 'The session gets another cookie and CSRF token.',
        body: z.strictObject({ response: assertionSchema }),
        response: { 200: sessionSchema },
      },
    },
    async (request, reply) => {
      const { administrator, body } = request;
      const { session, person } = signedOf(administrator);
      const { workspaceId, actor } = administrator;
      const verified = await verifyAssertion(pool, rp, body.response, 'step_up');
      const { challenge, passkey } = verified;
      if (challenge.credentialId !== session.id || passkey.personId !== person.id) throw passkeyInvalid();
      const { peopleDecide } = await readAssurance(pool, workspaceId);
      if (peopleDecide === 'sessions' && passkey.registeredBy === 'key') throw passkeyInvalid();
      const opened = await log.transact(workspaceId, async (transaction) => {
        await useAssertion(transaction, verified);
        return stepUpSession(
          transaction,
          keys.pepper,
          { workspaceId, sessionId: session.id, actor },
          { method: 'passkey', person: person.email, person_id: person.id, passkey_id: passkey.id },
        );
      });
      const again = opened === undefined ? undefined : await findSession(pool, keys.pepper, opened.cookie);
      if (opened === undefined || again === undefined)
        throw new Failure(401, 'session_over', 'The console session is over.', 'Sign in again.');
      reply.header('set-cookie', sessionCookie(opened.cookie, opened.seconds, isHttps(context)));
      return sessionBody(context, again);
    },
  );
}
