/** Owners of agents, held against who else says that they exist. */
import type { Earlier } from '../history/rewind.ts';
import type { ReportScope } from '../report.ts';

interface PersonAt {
  readonly email: string;
  readonly status: string;
  readonly label: string | null;
}

export interface Owners {
  readonly rows: readonly object[];
  readonly personAt: (id: string) => PersonAt;
}

interface Row {
  person_id: string;
  email: string;
  active: boolean;
  label: string | null;
  left_at: Date | null;
  directory: string | null;
  providers: string[];
  agents: number;
  owned: number;
}

// A link that was undone since is on the log with its provider.
const OWNERS = `
WITH owned AS (
  SELECT a.id, (SELECT h.to_id FROM ownership_history h WHERE h.workspace_id = a.workspace_id AND h.agent_id = a.id
                 ORDER BY h.at < $3 DESC, CASE WHEN h.at < $3 THEN -h.number ELSE h.number END LIMIT 1) AS owner_id,
         NOT EXISTS (SELECT FROM containment_agents c JOIN containments k ON k.workspace_id = c.workspace_id AND k.id = c.containment_id
                      WHERE c.workspace_id = a.workspace_id AND c.agent_id = a.id AND k.ordered_at < $3
                        AND (k.lifted_at IS NULL OR k.lifted_at >= $3)) AS is_in_force
    FROM agents a
   WHERE a.workspace_id = $1 AND a.rehearsal_id IS NULL AND a.created_at < $3
     AND NOT EXISTS (SELECT FROM containment_agents c JOIN containments k ON k.workspace_id = c.workspace_id AND k.id = c.containment_id
                      WHERE c.workspace_id = a.workspace_id AND c.agent_id = a.id AND k.ordered_at < $2
                        AND (k.lifted_at IS NULL OR k.lifted_at >= $3)))
SELECT p.id AS person_id, p.email, p.active, p.label, o.agents, o.owned,
       (SELECT max(x.ts) FROM actions x WHERE x.workspace_id = $1 AND x.kind = 'person.left' AND x.ts < $3
           AND x.record ->> 'person_id' = p.id) AS left_at,
       (SELECT x.record ->> 'actor' FROM actions x WHERE x.workspace_id = $1 AND x.kind = 'person.changed' AND x.ts < $3
           AND x.record ->> 'person_id' = p.id AND x.record ->> 'actor' LIKE 'scim:%' ORDER BY x.seq DESC LIMIT 1) AS directory,
       ARRAY(SELECT DISTINCT provider FROM (
         SELECT v.name AS provider FROM person_identities i
           JOIN identity_providers v ON v.workspace_id = i.workspace_id AND v.id = i.provider_id
          WHERE i.workspace_id = $1 AND i.person_id = p.id AND i.linked_at < $3
         UNION ALL
         SELECT x.record ->> 'provider' FROM actions x
          WHERE x.workspace_id = $1 AND x.kind = 'identity.unlinked' AND x.ts >= $3 AND x.record ->> 'person_id' = p.id
            AND NOT EXISTS (SELECT FROM actions y WHERE y.workspace_id = $1 AND y.kind = 'identity.linked' AND y.ts >= $3
                               AND y.record ->> 'identity_id' = x.record ->> 'identity_id')) AS known
        WHERE provider IS NOT NULL ORDER BY 1) AS providers
  FROM people p
  JOIN (SELECT owner_id, count(*) FILTER (WHERE is_in_force) AS agents, count(*) AS owned FROM owned GROUP BY owner_id) o ON o.owner_id = p.id
 WHERE p.workspace_id = $1
 ORDER BY p.id`;

export async function reconcileOwners(
  { client, workspaceId, period }: ReportScope,
  end: string,
  then: ReadonlyMap<string, Earlier>,
): Promise<Owners> {
  const { rows } = await client.query<Row>(OWNERS, [workspaceId, period.from, end]);
  const known = new Map(rows.map((row) => [row.person_id, { row, at: personOf(row, then.get(row.person_id) ?? {}) }]));
  return {
    personAt(id) {
      const person = known.get(id);
      if (person === undefined) throw new Error(`the owner ${id} is nobody`);
      return person.at;
    },
    rows: [...known.values()].map(({ row, at }) => ({
      person_id: row.person_id,
      email: at.email,
      status: at.status,
      agents: row.agents,
      directory: row.directory,
      identity_providers: row.providers,
      result: resultOf(row, at),
    })),
  };
}

function personOf({ email, active, label, left_at: leftAt }: Row, then: Earlier): PersonAt {
  const isActive = 'active' in then ? then.active === true : active;
  const labelThen = 'label' in then ? then.label : label;
  return {
    email: typeof then.email === 'string' ? then.email : email,
    status: isActive ? 'active' : leftAt === null ? 'left' : `left ${leftAt.toISOString().slice(0, 10)}`,
    label: typeof labelThen === 'string' ? labelThen : null,
  };
}

function resultOf({ agents, directory, providers }: Row, { status }: PersonAt): string {
  if (status !== 'active' && agents > 0) return 'left with agents';
  return directory === null && providers.length === 0 ? 'no source' : 'matched';
}
