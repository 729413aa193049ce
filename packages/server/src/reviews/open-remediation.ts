/** What has to change because of a decision, or of a deadline that passed: written down with its clock before anything is done. */
import type { WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { addBusinessDays } from './business-days.ts';
import type { CampaignRow, DecisionRow, ItemRow } from './rows.ts';

const DAY_MS = 86_400_000;

/** `decision` undefined: the deadline passed. The id of it. */
export async function openRemediation(
  { client, now, log }: LoggedTransaction,
  workspaceId: WorkspaceId,
  campaign: CampaignRow,
  item: ItemRow,
  kind: 'revoke' | 'modify' | 'suspend',
  decision: DecisionRow | undefined,
): Promise<string> {
  const { rows } = await client.query<{ count: number }>(
    'SELECT count(*)::int AS count FROM review_remediations WHERE workspace_id = $1 AND campaign_id = $2 AND item = $3',
    [workspaceId, campaign.id, item.number],
  );
  const id = `${item.id}-R${(rows[0]?.count ?? 0) + 1}`;
  const staged = decision?.stagedDays ?? null;
  const notBefore = staged === null ? null : new Date(now.getTime() + staged * DAY_MS);
  const days = campaign.policy.remediation_days[item.privileged ? 'privileged' : 'normal'];
  // The clock of a staged revoke begins when its suspension is over: it is not in use meanwhile.
  const dueAt = addBusinessDays(notBefore ?? now, days);
  await client.query(
    `INSERT INTO review_remediations (workspace_id, campaign_id, item, id, kind, decision, due_at, opened_at, not_before)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [workspaceId, campaign.id, item.number, id, kind, decision?.number ?? null, dueAt, now, notBefore],
  );
  log({
    kind: 'review.remediation',
    actor: decision?.actor ?? 'system',
    person: decision?.person,
    campaign: campaign.id,
    item: item.id,
    remediation: id,
    change: 'opened',
    remediation_kind: kind,
    subject: item.subject,
    due_at: dueAt.toISOString(),
    not_before: notBefore?.toISOString(),
  });
  return id;
}
