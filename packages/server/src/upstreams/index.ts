/** Upstream MCP servers. Nothing deeper in this folder is imported from outside. */
export {
  AddressRefused,
  type AddressRules,
  type AllowList,
  classifyAddress,
  guardedLookup,
  literalProblem,
  parseAllowList,
  parseEndpoint,
  type ResolveName,
} from './address-guard.ts';
export { AtVersion } from './at-version.ts';
export { mcpDefinitionType, mcpServerType } from './controlled.ts';
export { parseCredentialRef } from './credential-ref.ts';
export { type Authorized, Authorizer, withParameter } from './credentials/authorizer.ts';
export { recordCredentialOutcome } from './credentials/outcomes.ts';
export { refuseOfSlack } from './credentials/usage.ts';
export { openVault } from './credentials/vault-settings.ts';
export {
  CUSTODIES,
  type Custody,
  type CustodyColumns,
  changedCustody,
  custodyColumns,
  custodyFields,
  custodyOf,
  INJECTED,
} from './custody.ts';
export {
  DEFINITION_COLUMNS,
  type DefinitionRecord,
  definitionColumns,
  definitionOf,
  recordDefinition,
} from './definition-rows.ts';
export type { PreparedDefinition } from './definitions.ts';
export { type Envelope, EnvelopeBroken, openEnvelope, sealEnvelope } from './envelope.ts';
export {
  completeInjection,
  DEFAULT_HEADER_INJECTION,
  type GivenHttpInjection,
  type HttpInjection,
  httpInjectionSchema,
  injectionJson,
  injectionProblem,
  scrubberFor,
} from './injection.ts';
export { approvalSchema, serverChangeSchema, serverRegistrationSchema } from './input.ts';
export { DEFAULT_LIMITS } from './limits.ts';
export type { DefinitionStatus, ManagedUpstreams, ServerView } from './management.ts';
export { isNamespace } from './names.ts';
export { pinOf } from './pins.ts';
export { discoveredBy, publishCatalogue } from './published.ts';
export {
  approve,
  type ChangedRow,
  type DefinitionRow,
  type NamingRules,
  reclassify,
  reconcile,
  switchOff,
} from './reconcile.ts';
export { compileArguments } from './schema/compile.ts';
export { sensitivePathsOf } from './schema/sensitive.ts';
export { Scrubber, SHORTEST_SECRET, type StreamScrubber } from './scrub.ts';
export { createSecretStore, type SecretStore } from './secrets.ts';
export type * from './types.ts';
export type { Catalogue, CatalogueEntry, DefinitionKind, UpstreamAnswer, UpstreamServer, Upstreams } from './types.ts';
export { createUpstreams, type UpstreamsOptions } from './upstreams.ts';
