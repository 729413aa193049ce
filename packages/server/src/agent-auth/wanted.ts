/** What a token is asked for: the resource (RFC 8707) and the scopes. Pure. */
import { OAuthRefusal } from './refusal.ts';

/** What of the gateway a token is good for. */
export const ENTRANCES = ['mcp', 'http', 'actions'] as const;
type Scope = (typeof ENTRANCES)[number];

const ROLE = 'role:';
const AGENTS = '/agents/';
const NAMESPACE = /^\/mcp\/[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const AGENT = /^\/agents\/[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/;
const ENTRANCE_OF: Readonly<Record<string, Scope>> = { '/mcp': 'mcp', '/http': 'http', '/v1': 'actions' };

export interface Wanted {
  /** Path at this server; '': all of it. `/agents/<handle>`: to be exchanged by that agent, and for nothing else. */
  readonly resource: string;
  readonly entrances: readonly Scope[];
  /** Undefined: all that the agent has. */
  readonly roles: readonly string[] | undefined;
}

/** What the credential allows at most. */
export interface Bounds {
  readonly entrances: readonly Scope[];
  readonly roles: readonly string[];
}

/** Throws OAuthRefusal `invalid_target`, `invalid_scope`: what is not known or not allowed is not left out silently. */
export function readWanted(form: ReadonlyMap<string, string>, url: string, bounds: Bounds): Wanted {
  const resource = readResource(form.get('resource'), url);
  const only = ENTRANCE_OF[`/${resource.split('/', 2)[1] ?? ''}`];
  const within = only === undefined ? bounds.entrances : bounds.entrances.filter((each) => each === only);
  if (within.length === 0) throw new OAuthRefusal('invalid_target', 'nothing of the resource is allowed');
  const scope = form.get('scope');
  if (scope === undefined) return { resource, entrances: within, roles: undefined };
  const entrances: Scope[] = [];
  const roles: string[] = [];
  for (const each of new Set(scope.split(' '))) {
    const entrance = within.find((known) => known === each);
    if (entrance !== undefined) entrances.push(entrance);
    else if (each.startsWith(ROLE) && bounds.roles.includes(each.slice(ROLE.length)))
      roles.push(each.slice(ROLE.length));
    else throw new OAuthRefusal('invalid_scope', 'a scope is not known, not allowed, or not of this resource');
  }
  return {
    resource,
    entrances: entrances.length === 0 ? within : entrances,
    roles: roles.length === 0 ? undefined : roles,
  };
}

function readResource(text: string | undefined, url: string): string {
  if (text === undefined || text === url || text === `${url}/`) return '';
  const path = text.startsWith(url) ? text.slice(url.length) : '';
  if (ENTRANCE_OF[path] !== undefined || NAMESPACE.test(path) || AGENT.test(path)) return path;
  throw new OAuthRefusal('invalid_target', 'the resource is not served here');
}

/** Whether a token for the resource is good for a request there. */
export function covers(resource: string, requested: string): boolean {
  return resource === '' || requested === resource || requested.startsWith(`${resource}/`);
}

/** Who may exchange a token for it; undefined: nobody, it is for the gateway. */
export function delegateOf(resource: string): string | undefined {
  return resource.startsWith(AGENTS) ? resource.slice(AGENTS.length) : undefined;
}

export function scopeText(entrances: readonly string[], roles: readonly string[] | null | undefined): string {
  return [...entrances, ...(roles ?? []).map((role) => ROLE + role)].join(' ');
}
