/** What operators send about MCP servers: shapes for the API, then the checks that need more than a shape. */
import { z } from 'zod';
import { Failure } from '../errors.ts';
import { parseEndpoint } from './address-guard.ts';
import { parseCredentialRef } from './credential-ref.ts';
import { type Custody, changedCustody, custodyFields, INJECTED } from './custody.ts';
import {
  completeInjection,
  DEFAULT_HEADER_INJECTION,
  type GivenInjection,
  type Injection,
  injectionProblem,
  injectionSchema,
} from './injection.ts';
import { isNamespace } from './names.ts';
import { checkRenameMap, type DefaultAccess, type RenameMap } from './server-map.ts';

const text = z.string().min(1).max(4096);

const settings = {
  /** Streamable HTTP endpoint. */
  endpoint: text.optional(),
  /** Program and arguments of a stdio server, started without a shell. */
  command: z.array(z.string().max(4096)).min(1).max(64).optional(),
  /** Variables of a stdio server's environment that are not secret. */
  environment: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/), z.string().max(4096)).optional(),
  credential_ref: text.nullable().optional(),
  injection: injectionSchema.nullable().optional(),
  default_access: z.enum(['read-only', 'read-write', 'none']).optional(),
  /** Believe the server's own readOnlyHint and destructiveHint. */
  trust_annotations: z.boolean().optional(),
  /** Allow loopback and private addresses for this server. */
  allow_private: z.boolean().optional(),
  ...custodyFields,
};

/** Body of `POST /v1/mcp/servers`. */
export const serverRegistrationSchema = z.strictObject({
  namespace: z.string(),
  ...settings,
  /** Rename map: governed name → { maps, access }. */
  tools: z.record(z.string(), z.unknown()).optional(),
});
export type ServerRegistration = z.input<typeof serverRegistrationSchema>;

/** Body of `PATCH /v1/mcp/servers/:id`. What is absent is unchanged. */
export const serverChangeSchema = z.strictObject(settings);
export type ServerChange = z.input<typeof serverChangeSchema>;

/** Body of `POST …/definitions/:capability/approve`. */
export const approvalSchema = z.strictObject({
  /** Pin of the definition that was looked at. */
  pin: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  /** The operator's word on what the tool does; unchanged when absent. */
  access: z.enum(['read', 'write']).optional(),
});
export type Approval = z.input<typeof approvalSchema>;

/** A server as it is stored and connected to. */
export interface ServerSettings {
  readonly transport: 'http' | 'stdio';
  readonly endpoint?: string;
  readonly command?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly credentialRef?: string;
  readonly injection?: Injection;
  readonly defaultAccess: DefaultAccess;
  readonly trustAnnotations: boolean;
  readonly allowPrivate: boolean;
  readonly custody: Custody;
}

export interface NewServer extends ServerSettings {
  readonly namespace: string;
  readonly renameMap: RenameMap;
}

function refuse(problem: string, remedy: string): Failure {
  return new Failure(400, 'server_invalid', `The MCP server cannot be registered like this: ${problem}.`, remedy);
}

/** Throws `server_invalid`, `endpoint_invalid`, `credential_ref_invalid` or `server_map_invalid`. */
export function readRegistration(registration: ServerRegistration): NewServer {
  const { namespace, tools, ...rest } = registration;
  if (!isNamespace(namespace))
    throw refuse(
      'the namespace is not usable',
      'Use at most 31 lower-case letters, digits and single hyphens, beginning with a letter.',
    );
  const nothing: ServerSettings = {
    transport: 'http',
    environment: {},
    defaultAccess: 'read-only',
    trustAnnotations: false,
    allowPrivate: false,
    custody: INJECTED,
  };
  return { namespace, ...applyChange(nothing, rest), renameMap: checkRenameMap(namespace, tools ?? {}) };
}

/** The settings with what the change names. Throws as `readRegistration` does. */
export function applyChange(current: ServerSettings, change: ServerChange): ServerSettings {
  if (change.endpoint !== undefined && change.command !== undefined)
    throw refuse('it has both endpoint and command', 'Give endpoint for an HTTP server or command for a stdio server.');
  const endpoint = change.endpoint ?? (change.command === undefined ? current.endpoint : undefined);
  const command = change.command ?? (change.endpoint === undefined ? current.command : undefined);
  if (endpoint === undefined && command === undefined)
    throw refuse(
      'it has neither endpoint nor command',
      'Give endpoint for an HTTP server or command for a stdio server.',
    );
  const transport = endpoint === undefined ? 'stdio' : 'http';
  if (endpoint !== undefined) parseEndpoint(endpoint);
  if (command !== undefined && (command[0] === '' || command.some((part) => part.includes('\0'))))
    throw refuse(
      'the command is empty or has a NUL character',
      'Give the program first, then each argument by itself.',
    );
  const environment = change.environment ?? (transport === 'stdio' ? current.environment : {});
  if (transport === 'http' && Object.keys(environment).length > 0)
    throw refuse('environment is for stdio servers', 'Leave environment out.');
  const credentialRef = change.credential_ref === undefined ? current.credentialRef : change.credential_ref;
  if (credentialRef) parseCredentialRef(credentialRef);
  const sameTransport = transport === current.transport;
  const allowPrivate = change.allow_private ?? current.allowPrivate;
  const injection = readInjection(
    change.injection === undefined && sameTransport && credentialRef ? current.injection : change.injection,
    transport,
    Boolean(credentialRef),
    allowPrivate,
  );
  const custody = changedCustody(current.custody, change);
  if (typeof custody === 'string') throw refuse(custody, 'Give custody: "leased" with lease_seconds, or neither.');
  return {
    transport,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(command === undefined ? {} : { command }),
    environment,
    ...(credentialRef ? { credentialRef } : {}),
    ...(injection === undefined ? {} : { injection }),
    defaultAccess: change.default_access ?? current.defaultAccess,
    trustAnnotations: change.trust_annotations ?? current.trustAnnotations,
    allowPrivate,
    custody,
  };
}

function readInjection(
  given: GivenInjection | null | undefined,
  transport: 'http' | 'stdio',
  hasCredential: boolean,
  allowPrivate: boolean,
): Injection | undefined {
  if (!hasCredential) {
    if (given) throw refuse('injection has no credential to inject', 'Give credential_ref too.');
    return undefined;
  }
  if (!given) {
    if (transport === 'http') return DEFAULT_HEADER_INJECTION;
    throw refuse('a stdio server needs to know which variable holds its credential', 'Give injection: { env: NAME }.');
  }
  const injection: Injection = completeInjection(given);
  const problem = injectionProblem(injection, transport, allowPrivate);
  if (problem !== undefined)
    throw refuse(problem, 'Give { header, format }, { query }, { basic } or { oauth } for HTTP, or { env } for stdio.');
  return injection;
}
