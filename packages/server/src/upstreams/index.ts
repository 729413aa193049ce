/** Upstream MCP servers. Nothing deeper in this folder is imported from outside. */
export {
  AddressRefused,
  type AddressRules,
  type AllowList,
  guardedLookup,
  literalProblem,
  parseAllowList,
} from './address-guard.ts';
export { parseCredentialRef } from './credential-ref.ts';
export { type Envelope, EnvelopeBroken, openEnvelope, sealEnvelope } from './envelope.ts';
export { approvalSchema, serverChangeSchema, serverRegistrationSchema } from './input.ts';
export { DEFAULT_LIMITS } from './limits.ts';
export type { ManagedUpstreams, ServerView } from './management.ts';
export { compileArguments } from './schema/compile.ts';
export { sensitivePathsOf } from './schema/sensitive.ts';
export { createSecretStore, type SecretStore } from './secrets.ts';
export type * from './types.ts';
export type { Catalogue, CatalogueEntry, DefinitionKind, UpstreamAnswer, UpstreamServer, Upstreams } from './types.ts';
export { createUpstreams, type UpstreamsOptions } from './upstreams.ts';
