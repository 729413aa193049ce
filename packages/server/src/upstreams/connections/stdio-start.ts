/** Starts a stdio server and brings it to speak MCP: era, handshake, what it says about itself. */
import { mkdir } from 'node:fs/promises';
import type { JsonObject } from '@hivekey/policy';
import type { Secret } from '../../secret.ts';
import { scrubberFor } from '../injection.ts';
import type { Era, UpstreamAnswer } from '../types.ts';
import {
  type ConnectionOptions,
  type ConnectionRequest,
  clientInfoOf,
  type Description,
  describedLegacy,
  describedModern,
  isLegacyVersion,
  legacyVersionFor,
  META,
  MODERN_VERSION,
  Undescribed,
} from './connection.ts';
import { eraVerdict, FAILURES } from './era.ts';
import { isObject } from './json-rpc.ts';
import { StdioPeer } from './stdio-peer.ts';

export interface StdioOptions extends ConnectionOptions {
  readonly command: readonly string[];
  /** Aborted when the connection is closed: a start that is under way is given up. */
  readonly closing: AbortSignal;
}

/** What is known before the start, and what is said at `initialize`. */
export interface StartTerms {
  /** Undefined: find out. */
  readonly era: Era | undefined;
  readonly protocolVersion: string | undefined;
  readonly clientCapabilities: JsonObject;
}

export interface Started {
  readonly peer: StdioPeer;
  readonly description: Description;
}

/** The process could not be brought to speak MCP. `message` is for operators. */
export class NotStarted extends Error {
  readonly failure: Extract<UpstreamAnswer, { kind: 'failed' }>['code'];

  constructor(failure: Extract<UpstreamAnswer, { kind: 'failed' }>['code'], message: string) {
    super(message);
    this.failure = failure;
  }
}

interface PeerEvents {
  onNotification(method: string, message: JsonObject): void;
  onEnd(peer: StdioPeer): void;
}

/** Rejects with NotStarted; no process is left behind then. */
export async function startStdio(options: StdioOptions, terms: StartTerms, events: PeerEvents): Promise<Started> {
  const peer = await spawnPeer(options, events);
  try {
    if (terms.era === 'modern') return { peer, description: describedModern({}) };
    if (terms.era === 'legacy') return { peer, description: await initialize(options, peer, terms) };
    const verdict = eraVerdict(await discover(options, peer, options.limits.probeMs, options.closing), 'stdio');
    if (verdict.kind === 'unknown') throw new NotStarted('upstream_protocol_error', peer.ended ?? verdict.problem);
    if (verdict.kind === 'modern') return { peer, description: describedModern(verdict.discovered) };
    if (peer.ended === undefined) return { peer, description: await initialize(options, peer, terms) };
  } catch (error) {
    void peer.stop();
    throw error;
  }
  // Some legacy servers end when they are asked anything before `initialize`.
  return startStdio(options, { ...terms, era: 'legacy' }, events);
}

/** Asks a running modern server again. Rejects with Undescribed. */
export async function describeAgain(options: StdioOptions, peer: StdioPeer, signal: AbortSignal): Promise<Description> {
  const verdict = eraVerdict(await discover(options, peer, options.limits.handshakeMs, signal), 'http');
  if (verdict.kind === 'modern') return describedModern(verdict.discovered);
  throw new Undescribed(verdict.kind === 'unknown' ? verdict.problem : 'it no longer answers server/discover');
}

function discover(
  options: StdioOptions,
  peer: StdioPeer,
  totalMs: number,
  signal: AbortSignal,
): Promise<UpstreamAnswer> {
  return peer.call({
    method: 'server/discover',
    params: modernParams(options, {}, { clientCapabilities: {} }),
    bounds: { idleMs: 0, totalMs },
    signal,
  });
}

/** Parameters as revision 2026-07-28 wants them: every request says who asks, and by which revision. */
export function modernParams(
  options: ConnectionOptions,
  params: JsonObject,
  said: Pick<ConnectionRequest, 'clientCapabilities' | 'clientInfo'>,
): JsonObject {
  return {
    ...params,
    _meta: {
      ...(isObject(params._meta) ? params._meta : {}),
      [META.protocolVersion]: MODERN_VERSION,
      [META.clientCapabilities]: said.clientCapabilities,
      [META.clientInfo]: said.clientInfo ?? clientInfoOf(options),
    },
  };
}

async function initialize(options: StdioOptions, peer: StdioPeer, terms: StartTerms): Promise<Description> {
  const answer = await peer.call({
    method: 'initialize',
    params: {
      protocolVersion: legacyVersionFor(terms.protocolVersion),
      capabilities: terms.clientCapabilities,
      clientInfo: clientInfoOf(options),
    },
    bounds: { idleMs: 0, totalMs: options.limits.handshakeMs },
    signal: options.closing,
  });
  const agreed = answer.kind === 'result' ? answer.result.protocolVersion : undefined;
  if (answer.kind !== 'result' || typeof agreed !== 'string' || !isLegacyVersion(agreed)) {
    const code = answer.kind === 'failed' ? answer.code : 'upstream_protocol_error';
    throw new NotStarted(code, peer.ended ?? FAILURES[code]);
  }
  peer.notify('notifications/initialized');
  return describedLegacy(answer.result);
}

async function spawnPeer(options: StdioOptions, events: PeerEvents): Promise<StdioPeer> {
  const { settings, limits, folder, command } = options;
  let secret: Secret | undefined;
  try {
    secret = await options.credential();
  } catch {
    throw new NotStarted('credential_unavailable', FAILURES.credential_unavailable);
  }
  const { injection } = settings;
  const variable = injection !== undefined && 'env' in injection ? injection.env : undefined;
  const environment = {
    // Programs are found where the gateway finds them; nothing else of its environment is passed on.
    PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
    HOME: folder,
    LANG: 'C.UTF-8',
    ...settings.environment,
    ...(secret === undefined || variable === undefined ? {} : { [variable]: secret.reveal() }),
  };
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const peer: StdioPeer = new StdioPeer({
      command,
      environment,
      folder,
      lineBytes: limits.lineBytes,
      unreadBytes: limits.unreadBytes,
      scrubber: secret === undefined ? undefined : scrubberFor(secret),
      onNotification: (method, message) => events.onNotification(method, message),
      onDiagnostic: (line) => options.onDiagnostic(line),
      onEnd: () => events.onEnd(peer),
    });
    return peer;
  } catch {
    throw new NotStarted('upstream_unreachable', 'its process cannot be started');
  }
}
