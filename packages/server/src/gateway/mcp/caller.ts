/** Who sent a request and how, once that is settled; and what all requests share. */
import type { IncomingHttpHeaders } from 'node:http';
import type { JsonObject } from '@hivekey/policy';
import type { Approvals } from '../../approvals/index.ts';
import type { Action, ActionPath, Principal } from '../../path/index.ts';
import type { UpstreamServer, Upstreams } from '../../upstreams/index.ts';
import type { ModernAffinities } from './affinities.ts';
import { presentedCapabilities } from './capabilities.ts';
import type { Settings } from './config.ts';
import type { Sealer } from './sealed.ts';
import type { SessionTasks } from './session-tasks.ts';
import type { LegacySession } from './sessions.ts';
import type { Visible, VisibleCache } from './visible.ts';
import { FIRST_MODERN_VERSION } from './wire.ts';

/** The part of a logger this entrance needs; pino's fits. */
export interface EntranceLogger {
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

export interface Gateway {
  readonly path: ActionPath;
  readonly upstreams: Upstreams;
  readonly approvals: Pick<Approvals, 'look' | 'wait' | 'finish' | 'withdraw'>;
  readonly settings: Settings;
  readonly logger: EntranceLogger;
  readonly sealer: Sealer;
  readonly visible: VisibleCache;
  readonly affinities: ModernAffinities;
  readonly tasks: SessionTasks;
  /** `serverInfo` on all our answers. */
  readonly serverInfo: JsonObject;
}

interface CallerBase {
  readonly token: string;
  readonly principal: Principal;
  /** The route without prefixes, or undefined on the route of all upstreams. */
  readonly namespace: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly sourceAddress: string | undefined;
  readonly receivedAtMs: number;
  readonly clientCapabilities: JsonObject;
  /** Mildest log level the client wants; undefined: none. */
  readonly logLevel: string | undefined;
}

export interface ModernCaller extends CallerBase {
  readonly era: 'modern';
}

export interface LegacyCaller extends CallerBase {
  readonly era: 'legacy';
  readonly session: LegacySession;
}

export type Caller = ModernCaller | LegacyCaller;

export function protocolVersionOf(caller: Caller): string {
  return caller.era === 'modern' ? FIRST_MODERN_VERSION : caller.session.protocolVersion;
}

/** Upstream sessions are kept apart by this: one for each legacy session, one for each modern agent. */
export function affinityOf(gateway: Gateway, caller: Caller, server: UpstreamServer): string {
  if (caller.era === 'legacy') return caller.session.reference;
  // Modern upstreams have no sessions.
  return server.era === 'modern' ? '' : gateway.affinities.use(caller.principal, caller.receivedAtMs);
}

export function sessionIdOf(caller: Caller): string | undefined {
  return caller.era === 'legacy' ? caller.session.reference : undefined;
}

/** Shared by all calls of the session; a modern client has none. */
export function sessionMarkOf(caller: Caller): Action['sessionMark'] {
  return caller.era === 'legacy' ? caller.session.mark : undefined;
}

/** What the upstream is told that the client can do. A modern client cannot be called back by a legacy upstream. */
export async function capabilitiesFor(gateway: Gateway, caller: Caller, server: UpstreamServer): Promise<JsonObject> {
  if (caller.era === 'modern' && server.era === 'legacy') return NOTHING;
  for (const _declared in caller.clientCapabilities) {
    const granted = await gateway.path.granted(caller.principal);
    const urls = gateway.settings.elicitationHosts.length > 0;
    return presentedCapabilities(caller.clientCapabilities, granted, server.namespace, urls);
  }
  return NOTHING;
}

const NOTHING: JsonObject = Object.freeze({});

export async function visibleTo(
  gateway: Gateway,
  principal: Principal,
  namespace: string | undefined,
): Promise<Visible> {
  const [catalogue, granted] = await Promise.all([
    gateway.upstreams.catalogue(principal.workspaceId),
    gateway.path.granted(principal),
  ]);
  return gateway.visible.of(principal.workspaceId, catalogue, granted, namespace);
}

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** W3C trace context of the request; for tracing only, never identity. */
export function traceparentOf(caller: Caller): string | undefined {
  const { traceparent } = caller.headers;
  return typeof traceparent === 'string' && TRACEPARENT.test(traceparent) ? traceparent : undefined;
}
