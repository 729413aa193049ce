/**
 * What somebody of a firm looks at is on the log before they see it, for the customer to read: once for each session and
 * address within ten minutes, and each time something is done. Their own session and the notes of the firm are told to nobody.
 */
import type { Pool } from 'pg';
import { z } from 'zod';
import type { Administrator, EngagementScope, TimePosition } from '../api/route.ts';
import type { WorkspaceId } from '../ids.ts';
import type { RunningLog } from '../log/index.ts';

const LOOK_MS = 600_000;
const MAX_LOOKS = 10_000;
/** Of an address with its query. */
const MAX_ADDRESS = 1_000;

export class AccessNotes {
  readonly #log: Pick<RunningLog, 'record'>;
  readonly #clock: () => number;
  readonly #looks = new Map<string, number>();

  constructor(log: Pick<RunningLog, 'record'>, clock: () => number) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Rejects when it cannot be recorded: then nothing is to be sent. `refused`: the code with which it was. */
  async note(
    { workspaceId, credentialId, actor, person }: Administrator,
    { id }: EngagementScope,
    method: string,
    address: string,
    refused?: string,
  ): Promise<void> {
    const key = `${workspaceId} ${credentialId} ${refused ?? ''} ${method} ${address}`;
    const isLook = method === 'GET' || refused !== undefined;
    const last = this.#looks.get(key);
    if (isLook && last !== undefined && this.#clock() - last < LOOK_MS) return;
    await this.#log.record(workspaceId, {
      kind: 'engagement.accessed',
      actor,
      engagement_id: id,
      person: person?.email,
      session: credentialId,
      method,
      address: address.slice(0, MAX_ADDRESS),
      refused,
    });
    if (!isLook) return;
    // Forgetting tells a look once more, and loses none.
    if (this.#looks.size >= MAX_LOOKS) this.#looks.clear();
    this.#looks.set(key, this.#clock());
  }
}

export const accessSchema = z
  .object({
    object: z.literal('engagement_access'),
    seq: z.int(),
    event_id: z.string(),
    at: z.string(),
    actor: z.string(),
    kind: z.string(),
    what: z.string().meta({ description: 'Method and address of a look; of what was done, which and what.' }),
  })
  .meta({ id: 'EngagementAccess' });
export type Access = z.output<typeof accessSchema>;

/** SQL: what the record `a` of an engagement says in one line. */
export const WHAT = `CASE a.kind
  WHEN 'engagement.accessed' THEN concat_ws(' ', a.record ->> 'method', a.record ->> 'address', 'refused: ' || (a.record ->> 'refused'))
  WHEN 'engagement.request' THEN 'request ' || (a.record ->> 'number') || ' ' || (a.record ->> 'act')
  WHEN 'engagement.state' THEN (a.record ->> 'report') || ' ' || (a.record ->> 'state')
  WHEN 'engagement.walked' THEN 'walkthrough: ' || (a.record ->> 'step')
  WHEN 'engagement.reperformed' THEN (a.record ->> 'count') || ' entries decided again'
  WHEN 'engagement.unmasked' THEN (a.record ->> 'field') || ' of ' || (a.record ->> 'subject_event_id') || ': ' || (a.record ->> 'reason')
  WHEN 'engagement.changed' THEN concat_ws(' ', a.record ->> 'change', a.record ->> 'person')
  ELSE coalesce(a.record ->> 'reason', a.record ->> 'firm', '') END`;

/** $1: workspace, $2: engagement. */
const ACCESSES = `
SELECT a.seq, a.event_id, a.ts, a.record ->> 'actor' AS actor, a.kind, ${WHAT} AS what
  FROM actions a WHERE a.workspace_id = $1 AND a.kind LIKE 'engagement.%' AND a.record ->> 'engagement_id' = $2`;

/** All that was done and looked at in an engagement, newest first. */
export async function listAccesses(
  pool: Pool,
  workspaceId: WorkspaceId,
  engagementId: string,
  after: TimePosition | undefined,
  limit: number,
): Promise<Access[]> {
  const { rows } = await pool.query<Omit<Access, 'object' | 'at'> & { readonly ts: Date }>(
    `${ACCESSES} AND a.seq < $3 ORDER BY a.seq DESC LIMIT $4`,
    [workspaceId, engagementId, after?.atUs ?? Number.MAX_SAFE_INTEGER, limit],
  );
  return rows.map(({ ts, ...row }) => ({ object: 'engagement_access', ...row, at: ts.toISOString() }));
}
