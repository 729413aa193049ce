/** Where bundles lie in the data folder. */
import { join } from 'node:path';
import type { WorkspaceId } from '../ids.ts';

export function bundleFolder(data: string, workspaceId: WorkspaceId): string {
  return join(data, 'evidence', workspaceId);
}

export function archivePath(data: string, workspaceId: WorkspaceId, id: string): string {
  return join(bundleFolder(data, workspaceId), `${id}.tar`);
}
