import { Calendar, type FreezeDocument, freezeFromDocument } from '@hivekey/policy';
import type { ControlTest, TestScope } from '../control-test.ts';

/** A stretch in which a freeze was in force. Its scope: all of those that name anything. */
interface Window {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly actions: readonly string[];
  readonly classes: readonly string[];
  readonly roles: readonly string[];
  readonly environments: readonly string[];
}

/**
 * Freezes are enforced. Windows are computed from every version that the freezes of the period had, by the calendar that the engine
 * decides with; $4 has them as JSON. Scope as in packages/policy/src/decide/freezes.ts.
 */
export const AG_11: ControlTest = {
  id: 'AG-11',
  sources: ['versions'],
  values: async (scope) => [JSON.stringify(await windowsOf(scope))],
  query: `
WITH frozen AS (
  SELECT * FROM jsonb_to_recordset($4::jsonb)
    AS w (name text, "from" timestamptz, "to" timestamptz, actions text[], classes text[], roles text[], environments text[])),
call AS (
  SELECT DISTINCT ON (a.event_id) a.event_id, a.agent, a.action, a.ts, a.verdict, w.name
    FROM frozen w
    JOIN actions a ON a.workspace_id = $1 AND a.kind = 'tool.call' AND a.ts >= w."from" AND a.ts < w."to" AND NOT a.record ? 'synthetic'
   WHERE (cardinality(w.actions) = 0 OR EXISTS (
            SELECT FROM unnest(w.actions) p
             WHERE p = '*' OR p = a.action OR (p LIKE '%.*' AND starts_with(a.action, left(p, -1)))))
     AND (cardinality(w.classes) = 0 OR a.record ->> 'access' = ANY(w.classes)
          OR 'destructive' = ANY(w.classes) AND a.record -> 'destructive' = 'true')
     AND (cardinality(w.roles) = 0 OR a.record -> 'roles' ?| w.roles)
     AND (cardinality(w.environments) = 0 OR a.record ->> 'env' = ANY(w.environments))
     AND NOT EXISTS (SELECT FROM freeze_overrides o
                      WHERE o.workspace_id = $1 AND o.freeze_name = w.name AND o.starts_at <= a.ts AND a.ts < o.ends_at)
   ORDER BY a.event_id, a.verdict)
SELECT event_id AS record_id, CASE WHEN verdict = 'allow' THEN 'allowed_in_freeze' END AS kind,
       format('%s %s of %s at %s, while %s was in force', agent, verdict, action, utc_text(ts), name) AS sentence,
       '/log?event=' || event_id AS href
  FROM call`,
  missing: async (scope, population) =>
    population > 0 || (await windowsOf(scope)).length === 0
      ? null
      : 'A freeze was in force, and nothing in its scope was tried: that it refuses was not seen.',
};

interface Version {
  name: string;
  document: FreezeDocument | null;
  from: Date;
  to: Date | null;
}

// What a version said counts until the next one was in force.
const VERSIONS = `
SELECT * FROM (
  SELECT object_id AS name, document, activated_at AS from,
         lead(activated_at) OVER (PARTITION BY object_id ORDER BY version) AS to
    FROM object_versions WHERE workspace_id = $1 AND object_type = 'freeze' AND activated_at < $3) v
 WHERE v.document IS NOT NULL AND (v.to IS NULL OR v.to > $2) ORDER BY name, v.from`;

async function windowsOf({ client, workspaceId, from, to }: TestScope): Promise<readonly Window[]> {
  const { rows } = await client.query<Version>(VERSIONS, [workspaceId, from, to]);
  return rows.flatMap((version) => windowsOfVersion(version, Date.parse(from), Date.parse(to)));
}

function windowsOfVersion({ name, document, from, to }: Version, fromMs: number, toMs: number): readonly Window[] {
  if (document === null) return [];
  const checked = freezeFromDocument(document, []);
  if (!checked.ok) throw new Error(`the freeze ${name} cannot be read`);
  const { scope } = checked.value;
  const { actions, classes, roles, environments = [], changes = [] } = scope;
  // One that names changes of policy and nothing of actions stops none.
  if (changes.length > 0 && actions.length + classes.length + roles.length === 0) return [];
  const calendar = new Calendar(checked.value);
  const endMs = Math.min(toMs, to?.getTime() ?? toMs);
  const windows: Window[] = [];
  for (let atMs = Math.max(fromMs, from.getTime()); atMs < endMs; ) {
    const { inForce, untilMs } = calendar.at(atMs);
    const until = Math.min(untilMs, endMs);
    const span = { from: new Date(atMs).toISOString(), to: new Date(until).toISOString() };
    if (inForce) windows.push({ name, ...span, actions, classes, roles, environments });
    atMs = until;
  }
  return windows;
}
