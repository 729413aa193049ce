/** The workspace. Nothing deeper in this folder is imported from outside. */
export { ensurePolicy, ensureWorkspace } from './workspace.ts';
