/** How people are linked to their accounts at identity providers: invitations, and the identities that came of them. */
import { z } from 'zod';
import { type Api, type ApiContext, listOf, openTimeCursor, pageOf, pageQuery, wholeList } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { checkStillThere, checkVoucher } from '../identity/index.ts';
import { engagementOnly, readPerson } from '../people/index.ts';
import { identitySchema, listIdentities, unlinkIdentity } from './identities.ts';
import {
  createInvitation,
  invitationSchema,
  listInvitations,
  newInvitationSchema,
  revokeInvitation,
  shownInvitationSchema,
} from './invitations.ts';

const tags = ['sign-in'];
const idParams = z.strictObject({ id: z.string().max(64) });
const personParams = z.strictObject({ person: z.string().max(254) });

export function invitationRoutes(api: Api, { pool, log, keys, url }: ApiContext): void {
  api.post(
    '/v1/people/:person/invitations',
    {
      config: { answersSecret: true },
      schema: {
        tags,
        summary: 'Make a link with which the person signs in for the first time',
        description: 'For one use. Links of the person that are still open end.',
        params: personParams,
        body: newInvitationSchema,
        response: { 201: shownInvitationSchema },
      },
    },
    async ({ administrator, params, body }, reply) => {
      const { workspaceId } = administrator;
      const { view, token } = await log.transact(workspaceId, async (transaction) => {
        const person = await readPerson(transaction.client, workspaceId, params.person);
        if (person.external) throw engagementOnly(person.email);
        if (!person.active || person.break_glass) throw notInvited(person);
        await (body.any_email ? checkVoucher : checkStillThere)(transaction.client, administrator);
        return createInvitation(transaction, keys.pepper, administrator, person, 'identity', body);
      });
      // Behind the #: browsers send it to nobody, and no log of a proxy has it.
      return reply.code(201).send({ ...view, url: `${url}/sign-in#invitation=${token.reveal()}` });
    },
  );

  api.get(
    '/v1/invitations',
    {
      schema: {
        tags,
        summary: 'List invitations, newest first',
        querystring: z.strictObject(pageQuery),
        response: { 200: listOf(invitationSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor } }) => {
      const scope = { list: 'invitations', workspaceId };
      const after = openTimeCursor(keys.state, scope, cursor);
      const rows = await listInvitations(pool, workspaceId, after, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        (invitation) => invitation,
        (invitation) => [invitation.created_us, invitation.id],
      );
    },
  );

  api.post(
    '/v1/invitations/:id/revoke',
    {
      schema: {
        tags,
        summary: 'End an invitation',
        params: idParams,
        body: z.strictObject({}).prefault({}),
        response: { 200: invitationSchema },
      },
    },
    ({ administrator, params: { id } }) =>
      log.transact(administrator.workspaceId, (transaction) => revokeInvitation(transaction, administrator, id)),
  );

  api.get(
    '/v1/people/:person/identities',
    {
      schema: {
        tags,
        summary: 'Who a person is at the identity providers: oneself, or as an administrator or auditor somebody else',
        params: personParams,
        response: { 200: listOf(identitySchema) },
      },
    },
    async ({ administrator: { workspaceId, roles, person: own }, params: { person } }) => {
      const { id } = await readPerson(pool, workspaceId, person);
      if (id !== own?.id && !roles.some((role) => role === 'admin' || role === 'auditor'))
        throw new Failure(403, 'role_missing', 'These are the accounts of somebody else.', 'Ask an administrator.');
      return wholeList(await listIdentities(pool, workspaceId, id));
    },
  );

  api.delete(
    '/v1/people/:person/identities/:id',
    {
      schema: {
        tags,
        summary: 'Unlink an identity, and end the sessions that came by it',
        params: z.strictObject({ person: z.string().max(254), id: z.string().max(64) }),
        response: { 204: z.void() },
      },
    },
    async ({ administrator, params: { person, id } }, reply) => {
      await unlinkIdentity(log, administrator, person, id);
      return reply.code(204).send();
    },
  );
}

function notInvited({ email, active }: { readonly email: string; readonly active: boolean }): Failure {
  return active
    ? new Failure(
        409,
        'break_glass_only',
        `${email} is an account for emergencies.`,
        'It signs in with its passkey alone: POST /v1/break-glass/:person/invitations.',
      )
    : new Failure(409, 'person_inactive', `${email} is not active.`, 'Activate the person first.');
}
