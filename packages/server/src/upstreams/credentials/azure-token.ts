/**
 * Access tokens of Microsoft Entra for this server itself, found as Azure's tools find them: a client secret, a federated
 * token of a workload, or the managed identity of the machine. Plain HTTP: the library for it brings 40 MB.
 */
import { readFile } from 'node:fs/promises';
import { request } from 'undici';
import { Secret } from '../../secret.ts';
import { readJson } from './json.ts';
import { CredentialUnavailable } from './unavailable.ts';

const TIMEOUT_MS = 5_000;
const MAX_BYTES = 64 * 1024;
const LEEWAY_MS = 120_000;
const AUTHORITY = 'https://login.microsoftonline.com';
const METADATA = 'http://169.254.169.254';
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

interface Held {
  readonly token: Secret;
  readonly until: number;
}

const held = new Map<string, Held>();

/** `resource`: e.g. `https://vault.azure.net`. Rejects with CredentialUnavailable. */
export async function azureToken(resource: string, environment: NodeJS.ProcessEnv = process.env): Promise<Secret> {
  const known = held.get(resource);
  if (known !== undefined && Date.now() < known.until) return known.token;
  const next = await obtain(resource, environment);
  held.set(resource, next);
  return next.token;
}

/** After a token was refused: the next one is obtained anew. */
export function forgetAzureToken(resource: string): void {
  held.delete(resource);
}

async function obtain(resource: string, environment: NodeJS.ProcessEnv): Promise<Held> {
  const {
    AZURE_TENANT_ID: tenant,
    AZURE_CLIENT_ID: client,
    AZURE_CLIENT_SECRET: secret,
    AZURE_FEDERATED_TOKEN_FILE: file,
  } = environment;
  if (tenant !== undefined && client !== undefined && (secret !== undefined || file !== undefined)) {
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: client,
      scope: `${resource}/.default`,
    });
    if (secret !== undefined) form.set('client_secret', secret);
    else {
      form.set('client_assertion_type', ASSERTION_TYPE);
      form.set('client_assertion', await assertionIn(file ?? ''));
    }
    const authority = (environment.AZURE_AUTHORITY_HOST ?? AUTHORITY).replace(/\/+$/, '');
    return ask(`${authority}/${encodeURIComponent(tenant)}/oauth2/v2.0/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
    });
  }
  return ofMachine(resource, environment);
}

/** A virtual machine's metadata service, or what App Service and Container Apps have in its place. */
function ofMachine(resource: string, environment: NodeJS.ProcessEnv): Promise<Held> {
  const { IDENTITY_ENDPOINT: endpoint, IDENTITY_HEADER: header, AZURE_CLIENT_ID: client } = environment;
  const query = new URLSearchParams({ resource, ...(client === undefined ? {} : { client_id: client }) });
  if (endpoint !== undefined && header !== undefined) {
    query.set('api-version', '2019-08-01');
    return ask(`${endpoint}?${query}`, { method: 'GET', headers: { 'x-identity-header': header } });
  }
  query.set('api-version', '2018-02-01');
  const host = environment.AZURE_POD_IDENTITY_AUTHORITY_HOST ?? METADATA;
  return ask(`${host}/metadata/identity/oauth2/token?${query}`, { method: 'GET', headers: { metadata: 'true' } });
}

async function assertionIn(path: string): Promise<string> {
  const text = (await readFile(path, 'utf8').catch(() => '')).trim();
  if (text === '') throw new CredentialUnavailable('Azure: the federated token cannot be read');
  return text;
}

async function ask(
  url: string,
  options: {
    readonly method: 'GET' | 'POST';
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: string;
  },
): Promise<Held> {
  const askedAt = Date.now();
  let status: number;
  let answer: Readonly<Record<string, unknown>>;
  try {
    const { method, headers, body = null } = options;
    const response = await request(url, { method, headers, body, signal: AbortSignal.timeout(TIMEOUT_MS) });
    status = response.statusCode;
    answer = await readJson(response.body, MAX_BYTES);
  } catch {
    throw new CredentialUnavailable('Azure: there are no credentials, or nothing answers for them');
  }
  const { access_token: token, expires_in: life, expires_on: end } = answer;
  if (status !== 200 || typeof token !== 'string' || token === '')
    throw new CredentialUnavailable(`Azure: no token was given (HTTP ${status})`);
  // Some say how long it lives, some when it ends, and some of them in text.
  const endsAt = Number(life) > 0 ? askedAt + Number(life) * 1000 : Number(end) * 1000;
  return { token: new Secret(token), until: Number.isFinite(endsAt) ? endsAt - LEEWAY_MS : askedAt };
}
