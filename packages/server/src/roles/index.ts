export { type ArchivedPolicy, findArchived, isIntact, type WhichPolicy } from './archive.ts';
export { valid } from './change.ts';
export { roleType, workspaceGuardsType } from './controlled.ts';
export { policyDigest } from './digest.ts';
export { documentOf } from './document.ts';
export { findingSchema, findingView } from './findings.ts';
export { misfits, placeOf } from './lint.ts';
export {
  loadPolicySet,
  loadPolicyState,
  type PolicyState,
  PolicyUnreadable,
  type PublishedPolicy,
  upsertCapability,
} from './policy-set.ts';
export { differsInFreezesAlone, isDrifted, noticePolicyDrift, publishPolicy } from './publish.ts';
export { roleNotFound } from './role.ts';
