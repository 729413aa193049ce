/** The workspace. Nothing deeper in this folder is imported from outside. */
export { workspaceRoutes } from './routes.ts';
export { ensurePolicy, ensureWorkspace } from './workspace.ts';
