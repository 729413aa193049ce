/** What of running campaigns is not decided, read without what reviewers are shown: it is looked at again and again. */
import type { Pool } from 'pg';
import type { PersonId, WorkspaceId } from '../ids.ts';
import { partsNowSql } from './eligibility.ts';
import { nowBarred } from './launch.ts';
import { barOf, type Directory } from './reviewers.ts';
import type { Part } from './subjects.ts';

export interface Undecided {
  readonly id: string;
  readonly barred: Readonly<Record<string, string>>;
  readonly parts: readonly Part[];
  /** Now; whoever has submitted is done. */
  readonly reviewers: readonly {
    readonly personId: PersonId;
    readonly reviewer: string;
    readonly submitted: boolean;
  }[];
}

const UNDECIDED = `
SELECT i.id, i.barred,
       coalesce((SELECT json_agg(n) FROM (${partsNowSql('i.workspace_id', 'i.agent_id', 'i.role', "(i.item_type = 'role')")}) AS n), '[]') AS parts,
       coalesce((SELECT json_agg(json_build_object('personId', a.person_id, 'reviewer', p.email, 'submitted', EXISTS (
                   SELECT FROM review_decisions d WHERE d.workspace_id = a.workspace_id AND d.campaign_id = a.campaign_id
                      AND d.item = a.item AND d.assignment = a.number AND d.submitted_at IS NOT NULL AND d.superseded_at IS NULL)))
                   FROM review_assignments a JOIN people p ON p.workspace_id = a.workspace_id AND p.id = a.person_id
                  WHERE a.workspace_id = i.workspace_id AND a.campaign_id = i.campaign_id AND a.item = i.number AND a.ended_at IS NULL), '[]') AS reviewers
  FROM review_items i WHERE i.workspace_id = $1 AND i.campaign_id = $2 AND i.decision IS NULL ORDER BY i.number`;

export async function undecidedOf(
  pool: Pool,
  workspaceId: WorkspaceId,
  campaign: string,
): Promise<readonly Undecided[]> {
  const { rows } = await pool.query<Undecided>(UNDECIDED, [workspaceId, campaign]);
  return rows;
}

/** Ids of items that have no reviewer, or one who may not review them any more. Pure. */
export function misplaced(directory: Directory, items: readonly Undecided[]): readonly string[] {
  return items
    .filter(({ reviewers, barred, parts }) => {
      const now = nowBarred(directory, barred, parts);
      return (
        reviewers.length === 0 ||
        reviewers.some(
          ({ personId, submitted }) => !submitted && barOf(directory.people.get(personId), now) !== undefined,
        )
      );
    })
    .map(({ id }) => id);
}
