/** What other nodes tell through the database. Nothing depends on hearing it: each recording transaction compares revisions. */
import type { Pool } from 'pg';
import { z } from 'zod';
import { APPROVAL_CHANNEL, type Approvals } from '../approvals/index.ts';
import { CONTAINMENT_CHANNEL, hearMissedStops, hearStop } from '../containment/index.ts';
import { type Listener, listen } from '../database/index.ts';
import { DEPARTURE_CHANNEL, hearDeparture } from '../departures/index.ts';
import type { HttpApis } from '../http-apis/index.ts';
import type { AgentId, WorkspaceId } from '../ids.ts';
import type { Logger } from '../observability/index.ts';
import type { ActionPath } from '../path/index.ts';
import type { ManagedUpstreams, SecretStore } from '../upstreams/index.ts';

const AGENT = 'hivekey_agent';
const WORKSPACE = 'hivekey_workspace';
const CATALOGUE = 'hivekey_catalogue';

const workspaceId = z.custom<WorkspaceId>((value) => typeof value === 'string');
const agentId = z.custom<AgentId>((value) => typeof value === 'string');
const agentNotice = z.object({ workspace: workspaceId, agent: agentId, status: z.string() });
const catalogueNotice = z.object({ workspace: workspaceId });
const stopNotice = z.object({ workspace: workspaceId });
const workspaceNotice = z.object({ workspace: workspaceId, status: z.string() });

export interface NoticeOptions {
  readonly databaseUrl: string;
  readonly nodeId: string;
  /** Epoch milliseconds. */
  readonly clock: () => number;
  readonly pool: Pool;
  readonly path: ActionPath;
  readonly secrets: SecretStore;
  readonly upstreams: ManagedUpstreams;
  readonly httpApis: HttpApis;
  readonly approvals: Approvals;
  readonly logger: Logger;
}

export function hearNotices(options: NoticeOptions): Promise<Listener> {
  const { databaseUrl, path, secrets, upstreams, httpApis, approvals, logger } = options;
  // Also when this node finds out by itself, because a decision came too late.
  path.onPolicyChange((workspace) => {
    upstreams.recheck(workspace);
    httpApis.recheck(workspace);
  });

  const onNotice: Readonly<Record<string, (payload: string) => Promise<unknown>>> = {
    [AGENT]: async (payload) => {
      const notice = agentNotice.parse(JSON.parse(payload));
      path.invalidate(notice.workspace, notice.agent);
      // What stops an agent for good comes with the stop itself, which says what was aborted here.
      if (notice.status === 'suspended')
        await path.stop(notice.workspace, { kind: 'agents', agentIds: new Set([notice.agent]) });
    },
    [WORKSPACE]: async (payload) => {
      const notice = workspaceNotice.parse(JSON.parse(payload));
      path.invalidate(notice.workspace);
    },
    [CONTAINMENT_CHANNEL]: (payload) => {
      secrets.forget(stopNotice.parse(JSON.parse(payload)).workspace);
      return hearStop(options, payload);
    },
    [DEPARTURE_CHANNEL]: (payload) => hearDeparture(options, payload),
    [CATALOGUE]: async (payload) => {
      upstreams.heard(payload);
      await httpApis.heard(catalogueNotice.parse(JSON.parse(payload)).workspace);
    },
    [APPROVAL_CHANNEL]: async (payload) => approvals.heard(payload),
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

/** Notices were lost while the connection was: everything is read anew, and every stop is followed again. */
async function catchUp(options: NoticeOptions): Promise<void> {
  const { pool, path, upstreams, httpApis, approvals } = options;
  upstreams.recheck();
  httpApis.recheck();
  approvals.heard(undefined);
  const { rows } = await pool.query<{ workspace: WorkspaceId; suspended: AgentId[] }>(
    `SELECT s.workspace_id AS workspace,
            ARRAY(SELECT a.agent_id FROM agent_state a
                   WHERE a.workspace_id = s.workspace_id AND a.status = 'suspended') AS suspended
       FROM workspace_state s`,
  );
  for (const { workspace, suspended } of rows) {
    path.invalidate(workspace);
    if (suspended.length > 0) await path.stop(workspace, { kind: 'agents', agentIds: new Set(suspended) });
  }
  await hearMissedStops(options);
}
