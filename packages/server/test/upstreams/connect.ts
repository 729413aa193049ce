/** Connections as the tests open them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '@hivekey/policy';
import { Secret } from '../../src/secret.ts';
import { type AddressRules, parseAllowList } from '../../src/upstreams/address-guard.ts';
import type { Connection, ConnectionOptions, ConnectionRequest } from '../../src/upstreams/connections/connection.ts';
import { HttpConnection } from '../../src/upstreams/connections/http-connection.ts';
import { StdioConnection } from '../../src/upstreams/connections/stdio-connection.ts';
import { INJECTED } from '../../src/upstreams/custody.ts';
import type { ServerSettings } from '../../src/upstreams/input.ts';
import { DEFAULT_LIMITS, type Limits } from '../../src/upstreams/limits.ts';
import type { UpstreamAnswer } from '../../src/upstreams/types.ts';

export interface Opened extends AsyncDisposable {
  readonly connection: Connection;
  readonly unsolicited: { readonly affinity: string; readonly message: JsonObject }[];
  readonly diagnostics: string[];
  outdated: number;
  call(name: string, args?: JsonObject, more?: Partial<ConnectionRequest>): Promise<UpstreamAnswer>;
}

export interface Opening {
  readonly settings?: Partial<ServerSettings>;
  readonly limits?: Partial<Limits>;
  readonly rules?: Partial<AddressRules>;
  readonly secret?: string;
  readonly era?: 'modern' | 'legacy';
}

const FAST: Partial<Limits> = { probeMs: 3_000, handshakeMs: 5_000, backoffMs: [50, 200] };

async function open(
  { settings, limits, rules, secret, era = 'legacy' }: Opening,
  transport: Pick<ServerSettings, 'transport' | 'endpoint' | 'command'>,
  connect: (options: ConnectionOptions) => Connection,
): Promise<Opened> {
  const folder = await mkdtemp(join(tmpdir(), 'hivekey-stdio-'));
  const resolved = secret === undefined ? undefined : new Secret(secret);
  const opened = { unsolicited: [] as Opened['unsolicited'], diagnostics: [] as string[], outdated: 0 };
  const connection = connect({
    settings: {
      ...transport,
      environment: {},
      defaultAccess: 'read-only',
      trustAnnotations: false,
      allowPrivate: true,
      custody: INJECTED,
      ...settings,
    },
    limits: { ...DEFAULT_LIMITS, ...FAST, ...limits },
    rules: { allow: parseAllowList([]), allowPrivate: true, ...rules },
    version: '0.0.0-test',
    folder: join(folder, 'server'),
    credential: () => Promise.resolve(resolved),
    events: {
      unsolicited: (affinity, message) => opened.unsolicited.push({ affinity, message }),
      outdated: () => {
        result.outdated += 1;
      },
      credentialOutcome: () => undefined,
    },
    onDiagnostic: (line) => opened.diagnostics.push(line),
  });
  const result: Opened = Object.assign(opened, {
    connection,
    call: (name: string, args: JsonObject = {}, more: Partial<ConnectionRequest> = {}) =>
      connection.request({
        era,
        method: 'tools/call',
        params: { name, arguments: args },
        affinity: 'ses_one',
        clientCapabilities: {},
        signal: new AbortController().signal,
        ...more,
      }),
    [Symbol.asyncDispose]: async () => {
      await connection.close();
      await rm(folder, { recursive: true, force: true });
    },
  });
  return result;
}

export function openStdio(command: readonly string[], opening: Opening = {}): Promise<Opened> {
  return open(opening, { transport: 'stdio', command }, (options) => new StdioConnection({ ...options, command }));
}

export function openHttp(endpoint: string, opening: Opening = {}): Promise<Opened> {
  return open(opening, { transport: 'http', endpoint }, (options) => new HttpConnection({ ...options, endpoint }));
}

/** The first text of a tool's result. */
export function textOf(answer: UpstreamAnswer): string {
  if (answer.kind !== 'result') throw new Error(`no result: ${JSON.stringify(answer)}`);
  const { content } = answer.result;
  const [first]: readonly unknown[] = Array.isArray(content) ? content : [];
  if (typeof first === 'object' && first !== null && 'text' in first && typeof first.text === 'string')
    return first.text;
  throw new Error(`no text: ${JSON.stringify(answer.result)}`);
}

export const BIN = join(import.meta.dirname, '../../../../node_modules/.bin');

/** A server from npm, on the Node.js that runs the tests. */
export function npmServer(name: 'everything' | 'filesystem' | 'memory', ...args: readonly string[]): readonly string[] {
  return [process.execPath, join(BIN, `mcp-server-${name}`), ...args];
}

export function scripted(...behaviours: readonly string[]): readonly string[] {
  return [process.execPath, join(import.meta.dirname, 'stdio-server.ts'), ...behaviours];
}
