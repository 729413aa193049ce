/** What operators send about REST APIs: shapes for the API, then the checks that need more than a shape. */
import { z } from 'zod';
import { Failure } from '../errors.ts';
import {
  type Custody,
  changedCustody,
  completeInjection,
  custodyFields,
  DEFAULT_HEADER_INJECTION,
  type GivenHttpInjection,
  type HttpInjection,
  httpInjectionSchema,
  INJECTED,
  injectionJson,
  injectionProblem,
  isNamespace,
  parseCredentialRef,
  parseEndpoint,
  pinOf,
} from '../upstreams/index.ts';

const MIB = 1024 * 1024;
const MAX_REQUEST_BYTES = 64 * MIB;
const MAX_RESPONSE_BYTES = 1024 * MIB;
const MAX_TIMEOUT_SECONDS = 3_600;

const text = z.string().min(1).max(4096);

const settings = {
  endpoint: text.optional().meta({ description: 'Base address; the paths of the document follow it.' }),
  credential_ref: text.nullable().optional(),
  injection: httpInjectionSchema.nullable().optional(),
  default_access: z.enum(['read-only', 'read-write', 'none']).optional(),
  allow_private: z.boolean().optional().meta({ description: 'Allow loopback and private addresses for this API.' }),
  max_request_bytes: z.int().min(1).max(MAX_REQUEST_BYTES).optional(),
  max_response_bytes: z.int().min(1).max(MAX_RESPONSE_BYTES).optional(),
  timeout_seconds: z.int().min(1).max(MAX_TIMEOUT_SECONDS).optional(),
  ...custodyFields,
};

/** Body of `POST /v1/http/apis`. */
export const apiRegistrationSchema = z.strictObject({
  namespace: z.string(),
  ...settings,
  endpoint: text.meta({ description: 'Base address; the paths of the document follow it.' }),
  document: z
    .union([z.string(), z.record(z.string(), z.unknown())])
    .optional()
    .meta({ description: 'OpenAPI 3.0 or 3.1, as an object or as text. A large one is put afterwards.' }),
});
export type ApiRegistration = z.input<typeof apiRegistrationSchema>;

/** Body of `PATCH /v1/http/apis/:api`. What is absent is unchanged. */
export const apiChangeSchema = z.strictObject(settings);
export type ApiChange = z.input<typeof apiChangeSchema>;

/** An API as it is stored and connected to. */
export interface ApiSettings {
  readonly endpoint: string;
  readonly credentialRef?: string;
  readonly injection?: HttpInjection;
  readonly defaultAccess: 'read-only' | 'read-write' | 'none';
  readonly allowPrivate: boolean;
  readonly maxRequestBytes: number;
  readonly maxResponseBytes: number;
  readonly timeoutSeconds: number;
  readonly custody: Custody;
}

const NEW: Omit<ApiSettings, 'endpoint'> = {
  // Nothing can be called until somebody has looked at it.
  defaultAccess: 'none',
  allowPrivate: false,
  maxRequestBytes: MIB,
  maxResponseBytes: 64 * MIB,
  timeoutSeconds: 300,
  custody: INJECTED,
};

function refuse(problem: string, remedy: string): Failure {
  return new Failure(400, 'http_api_invalid', `The HTTP API cannot be registered like this: ${problem}.`, remedy);
}

/** Throws `http_api_invalid`, `endpoint_invalid` or `credential_ref_invalid`. */
export function readRegistration({ namespace, document: _document, ...rest }: ApiRegistration): ApiSettings & {
  readonly namespace: string;
} {
  if (!isNamespace(namespace))
    throw refuse(
      'the namespace is not usable',
      'Use at most 31 lower-case letters, digits and single hyphens, beginning with a letter.',
    );
  return { namespace, ...applyChange({ ...NEW, endpoint: rest.endpoint }, rest) };
}

/** The settings with what the change names. Throws as `readRegistration` does. */
export function applyChange(current: ApiSettings, change: ApiChange): ApiSettings {
  const endpoint = change.endpoint ?? current.endpoint;
  if (parseEndpoint(endpoint).url.search !== '')
    throw refuse('its address has a query', 'Give the base address alone, such as https://api.acme.example/v1.');
  const credentialRef = change.credential_ref === undefined ? current.credentialRef : change.credential_ref;
  if (credentialRef) parseCredentialRef(credentialRef);
  const allowPrivate = change.allow_private ?? current.allowPrivate;
  const injection = readInjection(
    change.injection === undefined && credentialRef ? current.injection : change.injection,
    Boolean(credentialRef),
    allowPrivate,
  );
  const custody = changedCustody(current.custody, change);
  if (typeof custody === 'string') throw refuse(custody, 'Give custody: "leased" with lease_seconds, or neither.');
  return {
    endpoint,
    ...(credentialRef ? { credentialRef } : {}),
    ...(injection === undefined ? {} : { injection }),
    defaultAccess: change.default_access ?? current.defaultAccess,
    allowPrivate,
    maxRequestBytes: change.max_request_bytes ?? current.maxRequestBytes,
    maxResponseBytes: change.max_response_bytes ?? current.maxResponseBytes,
    timeoutSeconds: change.timeout_seconds ?? current.timeoutSeconds,
    custody,
  };
}

function readInjection(
  given: GivenHttpInjection | null | undefined,
  hasCredential: boolean,
  allowPrivate: boolean,
): HttpInjection | undefined {
  if (!hasCredential) {
    if (given) throw refuse('injection has no credential to inject', 'Give credential_ref too.');
    return undefined;
  }
  if (!given) return DEFAULT_HEADER_INJECTION;
  const injection = completeInjection(given);
  const problem = injectionProblem(injection, 'http', allowPrivate);
  if (problem !== undefined) throw refuse(problem, 'Give { header, format }, { query }, { basic } or { oauth }.');
  return injection;
}

/** An API's settings for a record. */
export function settingsFields(settings: ApiSettings): Readonly<Record<string, string | number | boolean>> {
  const { endpoint, injection, credentialRef } = settings;
  const { url } = parseEndpoint(endpoint);
  return {
    transport: 'rest',
    endpoint: url.origin + url.pathname,
    ...(credentialRef === undefined ? {} : { credential: credentialRef }),
    default_access: settings.defaultAccess,
    allow_private: settings.allowPrivate,
    max_request_bytes: settings.maxRequestBytes,
    max_response_bytes: settings.maxResponseBytes,
    timeout_seconds: settings.timeoutSeconds,
    settings: pinOf({
      endpoint,
      injection: injection === undefined ? null : injectionJson(injection),
      ...(settings.custody.kind === 'injected' ? {} : { custody: { ...settings.custody } }),
    }),
  };
}
