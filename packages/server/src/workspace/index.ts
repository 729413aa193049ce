/** The workspace. Nothing deeper in this folder is imported from outside. */
export { ensurePolicy, ensureWorkspace, readWorkspace } from './workspace.ts';
