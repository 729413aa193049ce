/** What a person is asked: which client wants to be which of their agents. */
import { isIP } from 'node:net';
import type { InteractionResults, Provider } from 'oidc-provider';
import type { Pool } from 'pg';
import { z } from 'zod';
import type { Administrator, FastifyRequest } from '../../api/route.ts';
import { Failure } from '../../errors.ts';
import type { PersonId, WorkspaceId } from '../../ids.ts';
import { classifyAddress } from '../../upstreams/index.ts';
import { ENTRANCES, readWanted, type Wanted } from '../wanted.ts';
import { isClientOf } from './clients.ts';
import { messagesOf } from './run.ts';
import { askedOf } from './server.ts';
import { clientHost, letsIn, readBrowserSettings } from './settings.ts';

const MAX_NAME = 100;
/** Controls, and what turns the direction of writing around. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

export const connectionRequestSchema = z
  .object({
    id: z.string(),
    object: z.literal('connection_request'),
    client_id: z.string(),
    client_name: z.string().meta({ description: 'As it calls itself.' }),
    client_host: z.string().nullable().meta({ description: 'Who vouches for the name. Null: an administrator here.' }),
    redirect_host: z.string().meta({ description: 'Where the browser goes with the answer.' }),
    redirect_uri: z.string(),
    redirect_kind: z.enum(['public', 'local', 'private', 'app']).meta({
      description:
        '`local`: a program on the machine of the person. `private`: in a private network. `app`: whichever program has the scheme.',
    }),
    resource: z.string(),
    entrances: z.array(z.string()),
    person: z.string(),
    agents: z
      .array(z.object({ id: z.string(), name: z.string(), roles: z.array(z.string()) }))
      .meta({ description: 'That the person owns and that may act now.' }),
  })
  .meta({ id: 'ConnectionRequest' });
export type ConnectionRequest = z.output<typeof connectionRequestSchema>;

/** An authorization request that waits for an answer, as far as it was checked. */
export interface Question {
  readonly id: string;
  readonly clientId: string;
  readonly clientName: string;
  readonly clientHost: string | undefined;
  readonly redirectUri: string;
  /** As the client has named it. */
  readonly resource: string;
  readonly scope: string;
  readonly wanted: Wanted;
}

/** Of this browser, which has a cookie for it. Throws `connection_request_unknown`. */
export async function readQuestion(
  provider: Provider,
  url: string,
  request: FastifyRequest,
  id: string,
): Promise<Question> {
  const { request: message, response } = messagesOf(url, askedOf(request));
  const interaction = await provider.interactionDetails(message, response).catch(absent);
  if (interaction?.uid !== id) throw unknown();
  const { client_id: clientId, redirect_uri: redirectUri, resource, scope } = interaction.params;
  const client = await provider.Client.find(String(clientId)).catch(absent);
  if (client === undefined) throw unknown();
  const named = String(Array.isArray(resource) ? resource[0] : resource);
  const form = new Map([
    ['resource', named],
    ['scope', String(scope)],
  ]);
  return {
    id,
    clientId: client.clientId,
    clientName: nameOf(client.clientName, client.clientId),
    clientHost: clientHost(client.clientId),
    redirectUri: String(redirectUri),
    resource: named,
    scope: String(scope),
    wanted: readWanted(form, url, { entrances: ENTRANCES, roles: [] }),
  };
}

/** Keeps the answer, and gives the address at which the browser goes on with it. */
export async function answerQuestion(
  provider: Provider,
  url: string,
  request: FastifyRequest,
  result: InteractionResults,
): Promise<string> {
  const { request: message, response } = messagesOf(url, askedOf(request));
  return provider.interactionResult(message, response, result, { mergeWithLastSubmission: false });
}

/** What the library refuses; the rest is broken, and thrown on. */
function absent(error: unknown): undefined {
  if (error instanceof Error && 'expose' in error && error.expose === true) return undefined;
  throw error;
}

function unknown(): Failure {
  return new Failure(
    404,
    'connection_request_unknown',
    'This browser has no such request of a client, or it was answered or has taken too long.',
    'Begin again at the client.',
  );
}

function nameOf(name: unknown, clientId: string): string {
  const text = typeof name === 'string' ? name.replace(UNSEEN, ' ').trim().slice(0, MAX_NAME) : '';
  return text === '' ? (clientHost(clientId) ?? clientId) : text;
}

export type Asker = Administrator & { readonly person: NonNullable<Administrator['person']> };

/** A connection is what a person answers for. Throws `own_session_required`. */
export function personOf(who: Administrator): Asker {
  const { person, via } = who;
  if (person !== undefined && via === 'session') return { ...who, person };
  throw new Failure(
    403,
    'own_session_required',
    'An agent is connected by the person who owns it, and this session is nobody’s.',
    'Sign in as yourself, or with an admin key that belongs to you.',
  );
}

/** Throws `browser_sign_in_off`, `client_not_admitted`. */
export async function checkLetIn(
  client: Parameters<typeof readBrowserSettings>[0],
  workspaceId: WorkspaceId,
  clientId: string,
): Promise<void> {
  const settings = await readBrowserSettings(client, workspaceId);
  if (!settings.enabled)
    throw new Failure(
      403,
      'browser_sign_in_off',
      'In this workspace agents do not sign in through a browser.',
      'Ask an administrator: PUT /v1/browser-sign-in-settings. Or give the agent a token or key.',
    );
  const isKnown = clientHost(clientId) !== undefined || (await isClientOf(client, workspaceId, clientId));
  if (isKnown && letsIn(settings, clientId)) return;
  throw new Failure(
    403,
    'client_not_admitted',
    'This workspace does not let the client in.',
    'Ask an administrator: client_hosts of PUT /v1/browser-sign-in-settings, or POST /v1/oauth-clients.',
  );
}

export async function viewQuestion(
  pool: Pool,
  { workspaceId, person }: Asker,
  question: Question,
): Promise<ConnectionRequest> {
  const { id, clientId, clientName, clientHost: host, redirectUri, resource, wanted } = question;
  const to = redirectOf(redirectUri);
  return {
    id,
    object: 'connection_request',
    client_id: clientId,
    client_name: clientName,
    client_host: host ?? null,
    redirect_uri: redirectUri,
    redirect_host: to.host,
    redirect_kind: to.kind,
    resource,
    entrances: [...wanted.entrances],
    person: person.email,
    agents: await agentsOf(pool, workspaceId, person.id),
  };
}

export function redirectOf(text: string): {
  readonly host: string;
  readonly kind: ConnectionRequest['redirect_kind'];
} {
  const { protocol, hostname, host } = new URL(text);
  if (protocol !== 'https:' && protocol !== 'http:') return { host: protocol, kind: 'app' };
  const name = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  if (name === 'localhost' || name.endsWith('.localhost')) return { host, kind: 'local' };
  if (isIP(name) === 0) return { host, kind: name.includes('.') ? 'public' : 'private' };
  const kind = classifyAddress(name);
  return { host, kind: kind === 'public' ? 'public' : kind === 'loopback' ? 'local' : 'private' };
}

async function agentsOf(
  pool: Pool,
  workspaceId: WorkspaceId,
  personId: PersonId,
): Promise<ConnectionRequest['agents']> {
  const { rows } = await pool.query<ConnectionRequest['agents'][number]>(
    `SELECT a.id, a.handle AS name, (SELECT coalesce(array_agg(r.role ORDER BY r.position), '{}') FROM agent_roles r
              WHERE r.workspace_id = a.workspace_id AND r.agent_id = a.id) AS roles
       FROM agents a JOIN agent_state s ON s.workspace_id = a.workspace_id AND s.agent_id = a.id
      WHERE a.workspace_id = $1 AND a.owner_id = $2 AND a.rehearsal_id IS NULL AND s.status = 'active'
        AND coalesce(a.valid_until > clock_timestamp(), true)
      ORDER BY lower(a.handle) LIMIT 500`,
    [workspaceId, personId],
  );
  return rows;
}
