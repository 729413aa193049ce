export { workspaceGuardRoutes } from './guard-routes.ts';
export { roleRoutes } from './routes.ts';
