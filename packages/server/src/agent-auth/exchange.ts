/**
 * Token exchange (RFC 8693). An agent narrows its own token; or one agent acts for another: the delegating agent has a
 * token made for `/agents/<handle>`, which opens nothing, and the agent of that handle, proving who it is by its own
 * credential, exchanges it. The delegate never holds a token that the gateway takes from the delegating agent.
 */
import type { CredentialId, TokenId } from '../ids.ts';
import type { Principal } from '../path/index.ts';
import type { Authenticated } from './assertion.ts';
import { type Client, clientOf } from './client.ts';
import { required } from './form.ts';
import type { Holder } from './holder.ts';
import { OAuthRefusal } from './refusal.ts';
import type { Once } from './replays.ts';
import { type Bounds, covers, delegateOf, ENTRANCES, readWanted, type Wanted } from './wanted.ts';

export const EXCHANGE_GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token';
/** Agents that act for one another, beside the last one. */
const MAX_DEPTH = 3;
const MAX_ORIGINS = 8;
const TOO_NARROW = /^\/mcp\/./;

export interface Exchange {
  readonly client: Client;
  readonly wanted: Wanted;
  readonly ancestors: readonly string[];
  readonly origins: readonly string[];
  readonly chain: NonNullable<Principal['chain']>;
  readonly once: readonly Once[];
  readonly endsAtMs: number;
  /** A key that the request must prove, because the token it brings is bound to it. */
  readonly jkt: string | undefined;
}

export interface Lookups {
  readonly url: string;
  find(token: string): Promise<Holder | undefined>;
  /** Whose signed assertion comes with the request. */
  authenticate(): Promise<Authenticated>;
}

/** Throws OAuthRefusal. */
export async function readExchange(form: ReadonlyMap<string, string>, lookups: Lookups): Promise<Exchange> {
  requireType(form, 'subject_token_type');
  if (form.has('requested_token_type')) requireType(form, 'requested_token_type');
  if (form.has('audience')) throw new OAuthRefusal('invalid_target', 'name what the token is for as resource');
  const subject = await live(lookups, required(form, 'subject_token'), 'subject_token');
  if (form.has('client_assertion')) {
    const { credential, once } = await lookups.authenticate();
    return delegated(form, lookups.url, subject, {
      client: clientOf(credential),
      once: [once],
      origins: [],
      jkt: undefined,
    });
  }
  if (form.has('actor_token')) {
    requireType(form, 'actor_token_type');
    return delegated(form, lookups.url, subject, await actorOf(lookups, required(form, 'actor_token')));
  }
  return narrowed(form, lookups.url, subject);
}

function requireType(form: ReadonlyMap<string, string>, name: string): void {
  if (required(form, name) !== ACCESS_TOKEN_TYPE)
    throw new OAuthRefusal('invalid_request', `${name} must be ${ACCESS_TOKEN_TYPE}`);
}

async function live({ find }: Lookups, token: string, name: string): Promise<Holder> {
  const found = await find(token);
  if (found === undefined) throw new OAuthRefusal('invalid_grant', `${name} is no token of this server`);
  if (found.holder.state !== 'live') throw new OAuthRefusal('invalid_grant', `${name} is dead`, refusedOf(found));
  return found;
}

function refusedOf({ holder: { principal } }: Holder) {
  const { workspaceId, agentId, agent, owner, tokenId } = principal;
  return { workspaceId, agentId, agent, owner, credentialId: tokenId };
}

interface Actor {
  readonly client: Client;
  readonly once: readonly Once[];
  readonly origins: readonly string[];
  readonly jkt: string | undefined;
}

async function actorOf(lookups: Lookups, token: string): Promise<Actor> {
  const actor = await live(lookups, token, 'actor_token');
  if (
    actor.kind === 'access' &&
    (delegateOf(actor.holder.access.resource) !== undefined || actor.holder.ancestors.length > 0)
  )
    throw new OAuthRefusal('invalid_grant', 'actor_token is not the own token of an agent', refusedOf(actor));
  const { boundTo: jkt, origins } = placeOf(actor);
  return { client: holderClient(actor), once: [], origins, jkt };
}

function placeOf(found: Holder): {
  readonly origins: readonly string[];
  readonly ancestors: readonly string[];
  readonly boundTo: string | undefined;
  readonly resource: string;
  readonly bounds: Bounds;
} {
  const { roles } = found.holder.principal;
  if (found.kind === 'token')
    return { origins: [], ancestors: [], boundTo: undefined, resource: '', bounds: { entrances: ENTRANCES, roles } };
  const { origins, ancestors, access } = found.holder;
  const entrances = ENTRANCES.filter((each) => access.entrances.includes(each));
  return { origins, ancestors, boundTo: access.jkt, resource: access.resource, bounds: { entrances, roles } };
}

function holderClient(found: Holder): Client {
  const { workspaceId, agentId, agent, owner, tokenId, tokenExpiresAtMs, roles } = found.holder.principal;
  const source =
    found.kind === 'access' && found.holder.hasCredential
      ? { credentialId: tokenId as CredentialId }
      : { tokenId: tokenId as TokenId };
  const needsProof = found.kind === 'access' && found.holder.needsProof;
  return {
    workspaceId,
    agentId,
    agent,
    owner,
    credentialId: tokenId,
    source,
    needsProof,
    endsAtMs: tokenExpiresAtMs,
    roles,
  };
}

/** The same agent, for less. */
function narrowed(form: ReadonlyMap<string, string>, url: string, subject: Holder): Exchange {
  const { origins, ancestors, boundTo, resource, bounds } = placeOf(subject);
  if (delegateOf(resource) !== undefined)
    throw new OAuthRefusal('invalid_grant', 'the token is for another agent to exchange', refusedOf(subject));
  if (origins.length >= MAX_ORIGINS)
    throw new OAuthRefusal('invalid_grant', 'the token was exchanged too often', refusedOf(subject));
  const asked = readWanted(form, url, bounds);
  const isForDelegate = delegateOf(asked.resource) !== undefined;
  if (isForDelegate ? TOO_NARROW.test(resource) : !covers(resource, asked.resource))
    throw new OAuthRefusal('invalid_target', 'the token is not good for this resource', refusedOf(subject));
  const client = holderClient(subject);
  const scoped = subject.kind === 'access' ? subject.holder.scopedRoles : null;
  return {
    client,
    wanted: asked.roles === undefined && scoped !== null ? { ...asked, roles: scoped } : asked,
    ancestors,
    origins,
    chain: subject.holder.principal.chain ?? [],
    once: [],
    endsAtMs: client.endsAtMs,
    jkt: boundTo,
  };
}

/** The actor, on behalf of the holder of the subject token. */
function delegated(form: ReadonlyMap<string, string>, url: string, subject: Holder, actor: Actor): Exchange {
  const { client, once, origins, jkt } = actor;
  const of = refusedOf(subject);
  if (subject.kind !== 'access') throw new OAuthRefusal('invalid_grant', 'subject_token is not for the client', client);
  const { principal, access, ancestors, id } = subject.holder;
  const { chain: before = [] } = principal;
  if (
    principal.workspaceId !== client.workspaceId ||
    delegateOf(access.resource)?.toLowerCase() !== client.agent.toLowerCase()
  )
    throw new OAuthRefusal('invalid_grant', 'subject_token is not for the client', client);
  if ([principal, ...before].some(({ agentId }) => agentId === client.agentId))
    throw new OAuthRefusal('invalid_grant', 'an agent cannot act for itself', client);
  if (ancestors.length >= MAX_DEPTH) throw new OAuthRefusal('invalid_grant', 'too many agents act for one another', of);
  const entrances = ENTRANCES.filter((each) => access.entrances.includes(each));
  const roles = client.roles.filter((role) => principal.roles.includes(role));
  return {
    client,
    wanted: readWanted(form, url, { entrances, roles }),
    ancestors: [...ancestors, id],
    origins,
    chain: [...before, principal],
    once,
    endsAtMs: Math.min(client.endsAtMs, principal.tokenExpiresAtMs),
    jkt,
  };
}
