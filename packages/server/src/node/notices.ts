/** What other nodes tell through the database. Nothing depends on hearing it: each recording transaction compares revisions. */
import type { Pool } from 'pg';
import { z } from 'zod';
import { type Listener, listen } from '../database/index.ts';
import type { AgentId, WorkspaceId } from '../ids.ts';
import type { Logger } from '../observability/logger.ts';
import type { ActionPath } from '../path/index.ts';
import type { ManagedUpstreams } from '../upstreams/index.ts';

const AGENT = 'hivekey_agent';
const WORKSPACE = 'hivekey_workspace';
const CATALOGUE = 'hivekey_catalogue';

const workspaceId = z.custom<WorkspaceId>((value) => typeof value === 'string');
const agentId = z.custom<AgentId>((value) => typeof value === 'string');
const agentNotice = z.object({ workspace: workspaceId, agent: agentId, status: z.string() });
const workspaceNotice = z.object({ workspace: workspaceId, status: z.string() });

export interface NoticeOptions {
  readonly databaseUrl: string;
  readonly pool: Pool;
  readonly path: ActionPath;
  readonly upstreams: ManagedUpstreams;
  readonly logger: Logger;
}

export function hearNotices(options: NoticeOptions): Promise<Listener> {
  const { databaseUrl, path, upstreams, logger } = options;

  const onNotice: Readonly<Record<string, (payload: string) => Promise<unknown>>> = {
    [AGENT]: async (payload) => {
      const notice = agentNotice.parse(JSON.parse(payload));
      path.invalidate(notice.workspace, notice.agent);
      if (notice.status !== 'active')
        await path.stop(notice.workspace, { kind: 'agents', agentIds: new Set([notice.agent]) });
    },
    [WORKSPACE]: async (payload) => {
      const notice = workspaceNotice.parse(JSON.parse(payload));
      path.invalidate(notice.workspace);
      upstreams.recheck(notice.workspace);
      if (notice.status !== 'active') await path.stop(notice.workspace, { kind: 'workspace' });
      else await stopTools(path, notice.workspace);
    },
    [CATALOGUE]: async (payload) => upstreams.heard(payload),
  };

  const failed = (error: unknown): void =>
    logger.warn({ err: error }, 'a notice of another node could not be followed');

  return listen({
    url: databaseUrl,
    channels: Object.keys(onNotice),
    onNotification: (channel, payload) => void onNotice[channel]?.(payload).catch(failed),
    onReconnect: () => void catchUp(options).catch(failed),
  });
}

async function stopTools(path: ActionPath, workspace: WorkspaceId): Promise<void> {
  for (const capability of await path.stoppedTools(workspace)) await path.stop(workspace, { kind: 'tool', capability });
}

/** Notices were lost while the connection was: everything is read anew, and every stop is followed again. */
async function catchUp({ pool, path, upstreams }: NoticeOptions): Promise<void> {
  upstreams.recheck();
  const { rows } = await pool.query<{ workspace: WorkspaceId; status: string; stopped: AgentId[] }>(
    `SELECT s.workspace_id AS workspace, s.status,
            (SELECT coalesce(array_agg(a.agent_id), '{}') FROM agent_state a
              WHERE a.workspace_id = s.workspace_id AND a.status <> 'active') AS stopped
       FROM workspace_state s`,
  );
  for (const { workspace, status, stopped } of rows) {
    path.invalidate(workspace);
    if (status !== 'active') await path.stop(workspace, { kind: 'workspace' });
    if (stopped.length > 0) await path.stop(workspace, { kind: 'agents', agentIds: new Set(stopped) });
    await stopTools(path, workspace);
  }
}
