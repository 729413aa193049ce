/** What clients find out by themselves: RFC 9728 of each protected resource, RFC 8414 of the token endpoint. Only what is served. Pure. */
import { PROOF_ALGORITHMS } from './dpop.ts';
import { SIGNING_ALGORITHMS } from './keys.ts';
import { GRANTS } from './token-endpoint.ts';
import { ENTRANCES } from './wanted.ts';

const SCOPES: Readonly<Record<string, string>> = { mcp: 'mcp', http: 'http', v1: 'actions' };
const RESOURCE = /^(?:\/(?:mcp(?:\/[A-Za-z0-9][A-Za-z0-9_-]{0,63})?|http|v1))?$/;

/** `path`: of the resource, such as `/mcp/crm`. Undefined where there is none: whether a server exists is not told. */
export function resourceMetadata(url: string, path: string) {
  if (!RESOURCE.test(path)) return undefined;
  return {
    resource: `${url}${path}`,
    authorization_servers: [url],
    scopes_supported: path === '' ? [...ENTRANCES] : [scopeOf(path)],
    bearer_methods_supported: ['header'],
    dpop_signing_alg_values_supported: PROOF_ALGORITHMS,
    resource_name: 'HiveKey',
    resource_documentation: `${url}/docs`,
  };
}

/** Scope that a resource takes. */
export function scopeOf(path: string): string {
  return SCOPES[path.split('/', 2)[1] ?? ''] ?? ENTRANCES.join(' ');
}

export function metadataUrl(url: string, path: string): string {
  return `${url}/.well-known/oauth-protected-resource${path}`;
}

export function serverMetadata(url: string) {
  const byAssertion = ['private_key_jwt'];
  return {
    issuer: url,
    token_endpoint: `${url}/oauth/token`,
    revocation_endpoint: `${url}/oauth/revoke`,
    introspection_endpoint: `${url}/oauth/introspect`,
    authorization_endpoint: `${url}/oauth/authorize`,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    client_id_metadata_document_supported: true,
    grant_types_supported: GRANTS,
    // Federation and token exchange bring their proof themselves.
    token_endpoint_auth_methods_supported: [...byAssertion, 'none'],
    token_endpoint_auth_signing_alg_values_supported: SIGNING_ALGORITHMS,
    revocation_endpoint_auth_methods_supported: [...byAssertion, 'none'],
    revocation_endpoint_auth_signing_alg_values_supported: SIGNING_ALGORITHMS,
    scopes_supported: [...ENTRANCES],
    dpop_signing_alg_values_supported: PROOF_ALGORITHMS,
    protected_resources: ['', '/mcp', '/http', '/v1'].map((path) => `${url}${path}`),
    service_documentation: `${url}/docs`,
  };
}
