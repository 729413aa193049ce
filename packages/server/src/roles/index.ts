export { workspaceGuardRoutes } from './guard-routes.ts';
export { loadPolicySet, publishPolicy, upsertCapability } from './policy-set.ts';
export { roleRoutes } from './routes.ts';
