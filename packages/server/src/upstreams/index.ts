/** Upstream MCP servers. Nothing deeper in this folder is imported from outside. */
export {
  AddressRefused,
  type AddressRules,
  type AllowList,
  guardedLookup,
  literalProblem,
  parseAllowList,
  parseEndpoint,
} from './address-guard.ts';
export type { Approval, ServerChange, ServerRegistration } from './input.ts';
export { approvalSchema, serverChangeSchema, serverRegistrationSchema } from './input.ts';
export { DEFAULT_LIMITS, type Limits } from './limits.ts';
export type {
  DefinitionStatus,
  DefinitionView,
  ManagedUpstreams,
  ServerView,
  UpstreamManagement,
} from './management.ts';
export { type Compiled, compileArguments } from './schema/compile.ts';
export { sensitivePathsOf } from './schema/sensitive.ts';
export {
  CredentialUnavailable,
  createSecretStore,
  type SecretStore,
  type SecretStoreOptions,
  type SecretView,
} from './secrets.ts';
export type { ServerMap } from './server-map.ts';
export type * from './types.ts';
export { createUpstreams, type UpstreamsOptions } from './upstreams.ts';
