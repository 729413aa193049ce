/** Identities that acted, or tried to, and are not in the inventory. */
import type { TableShape } from '@hivekey/evidence';
import { column } from '../column.ts';
import type { ReportScope } from '../report.ts';

export const IDENTITIES: TableShape = {
  name: 'identities-seen-not-registered',
  title: 'Identities first seen in the period that are no agent',
  columns: [
    column('identity_id', 'id', 'Under which it is counted.'),
    column('identity_kind', 'text', '`token`, `retired_token`, `agent` or `workload`.'),
    column('identity', 'text', 'As it was presented; of a credential only a fingerprint.'),
    column('source_ip', 'text', 'Where it came from.'),
    column('first_seen_at', 'time', 'When it was seen for the first time.'),
    column('former_agent_id', 'id', 'The agent whose retired token it is.'),
    column('event_id', 'id', 'The record of the log.'),
    column('seq', 'integer', 'Its number in the log.'),
    column('dismissed_at', 'time', 'When a person judged it, up to the end of the period.'),
    column('dismissed_by', 'text', 'Who did.'),
    column('dismissed_reason', 'text', 'And why.'),
  ],
};

export interface SeenIdentity {
  readonly identity_id: string;
  readonly identity_kind: string;
  readonly identity: string;
  readonly source_ip: string | null;
  readonly first_seen_at: string;
  readonly former_agent_id: string | null;
  readonly event_id: string;
  readonly seq: number;
  readonly dismissed_at: string | null;
  readonly dismissed_by: string | null;
  readonly dismissed_reason: string | null;
}

// From the log and not from the counters, which go on counting. There are few: the log has each once.
const SEEN = `
SELECT a.record ->> 'identity_id' AS identity_id, a.record ->> 'identity_kind' AS identity_kind, a.record ->> 'identity' AS identity,
       a.record ->> 'src_ip' AS source_ip, a.record ->> 'ts' AS first_seen_at, a.record ->> 'agent_id' AS former_agent_id,
       a.event_id, a.seq, d.record ->> 'ts' AS dismissed_at, d.record ->> 'actor' AS dismissed_by, d.record ->> 'reason' AS dismissed_reason
  FROM actions a
  LEFT JOIN LATERAL (SELECT x.record FROM actions x
                      WHERE x.workspace_id = a.workspace_id AND x.kind = 'identity.dismissed' AND x.ts >= a.ts AND x.ts < $3
                        AND x.record ->> 'identity_id' = a.record ->> 'identity_id' ORDER BY x.seq LIMIT 1) d ON true
 WHERE a.workspace_id = $1 AND a.kind = 'identity.unregistered' AND a.ts >= $2 AND a.ts < $3
 ORDER BY a.seq`;

export async function seenNotRegistered(
  { client, workspaceId, period }: ReportScope,
  end: string,
): Promise<readonly SeenIdentity[]> {
  const { rows } = await client.query<SeenIdentity>(SEEN, [workspaceId, period.from, end]);
  return rows;
}
