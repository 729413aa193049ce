/** The catalogue of rules as a reviewer reads it: what each looks for, since when it is switched on, and who let it. */
import { LEVELS } from '@hivekey/detections';
import type { Pool } from 'pg';
import { z } from 'zod';
import type { WorkspaceId } from '../ids.ts';
import { DEFAULT_DOCUMENT, type DetectionDocument, detectionDocument } from './document.ts';
import { ruleVersionOf } from './live-test.ts';
import { type Detection, loadDetections } from './rule-set.ts';
import { readSettings } from './store.ts';
import { ruleTextOf } from './view.ts';

export const catalogueEntrySchema = z
  .object({
    rule_id: z.string(),
    name: z.string(),
    title: z.string(),
    version: z.string(),
    file_digest: z.string().nullable(),
    logic_text: z.string().meta({ description: 'In words.' }),
    rule: z.string().meta({ description: 'As it is written.' }),
    parameters: z.record(z.string(), z.union([z.number(), z.string(), z.boolean(), z.array(z.string())])),
    data_needed: z.array(z.string()).meta({ description: 'Fields of records that it reads.' }),
    severity: z.enum(LEVELS).nullable(),
    owner: z.string().nullable(),
    maps_to: z.object({ soc2: z.array(z.string()), owasp_agentic: z.array(z.string()) }),
    enabled: z.boolean(),
    enabled_from: z.string().nullable(),
    enabled_to: z.string().nullable(),
    set_by: z.string().nullable().meta({ description: 'Author of what is set now; null: as it is shipped.' }),
    change: z.string().nullable().meta({ description: 'The change that let it in.' }),
    approved_by: z.array(z.string()).meta({ description: 'Who approved that change.' }),
  })
  .meta({ id: 'CatalogueEntry' });
type CatalogueEntry = z.output<typeof catalogueEntrySchema>;

interface Version {
  readonly at: Date;
  readonly isEnabled: boolean;
  readonly author: string;
  readonly changeId: string | null;
}

export async function readCatalogue(pool: Pool, workspaceId: WorkspaceId): Promise<readonly CatalogueEntry[]> {
  const detections = loadDetections(await readSettings(pool, workspaceId));
  const versions = await versionsOf(pool, workspaceId);
  const changes = [...versions.values()].flatMap((list) => list.at(-1)?.changeId ?? []);
  const approvers = await approversOf(pool, workspaceId, changes);
  const since = await evaluatedSince(pool, workspaceId);
  return detections.map((detection) => entryOf(detection, versions.get(detection.name) ?? [], approvers, since));
}

function entryOf(
  detection: Detection,
  versions: readonly Version[],
  approvers: ReadonlyMap<string, readonly string[]>,
  since: Date | null,
): CatalogueEntry {
  const { name, isShipped, document, rules } = detection;
  const [rule] = rules;
  const about = rule?.document;
  const last = versions.at(-1);
  const { from, to } = periodOf(versions, isShipped ? since : null);
  return {
    rule_id: about?.id ?? name,
    name,
    title: about?.title ?? name,
    version: rule === undefined ? '0' : ruleVersionOf(detection, rule),
    file_digest: rule?.fileDigest ?? null,
    logic_text: about?.description ?? '',
    rule: ruleTextOf(detection),
    parameters: Object.fromEntries(
      Object.entries(rule?.parameters ?? {}).map(([key, value]) => [
        key,
        typeof value === 'object' ? [...value] : value,
      ]),
    ),
    data_needed: [...(about?.fields ?? [])],
    severity: about?.level ?? null,
    owner: document.owner ?? null,
    maps_to: { soc2: [...(about?.criteria.soc2 ?? [])], owasp_agentic: [...(about?.criteria.owasp_agentic ?? [])] },
    enabled: document.enabled,
    enabled_from: from?.toISOString() ?? null,
    enabled_to: to?.toISOString() ?? null,
    set_by: last?.author ?? null,
    change: last?.changeId ?? null,
    approved_by: [...(approvers.get(last?.changeId ?? '') ?? [])],
  };
}

/** The newest time in which it was on without a break. `shipped`: since when, where nothing was ever set. Pure. */
export function periodOf(
  versions: readonly Pick<Version, 'at' | 'isEnabled'>[],
  shipped: Date | null,
): { readonly from: Date | null; readonly to: Date | null } {
  let from = shipped;
  let to: Date | null = null;
  for (const { at, isEnabled } of versions) {
    if (isEnabled && (from === null || to !== null)) {
      from = at;
      to = null;
    } else if (!isEnabled && from !== null && to === null) to = at;
  }
  return { from, to };
}

async function versionsOf(pool: Pool, workspaceId: WorkspaceId): Promise<ReadonlyMap<string, readonly Version[]>> {
  const { rows } = await pool.query<{
    name: string;
    document: unknown;
    author: string;
    change_id: string | null;
    activated_at: Date;
  }>(
    `SELECT object_id AS name, document, author, change_id, activated_at FROM object_versions
      WHERE workspace_id = $1 AND object_type = 'detection' ORDER BY object_id, version`,
    [workspaceId],
  );
  const found = rows.map(({ name, document, author, change_id: changeId, activated_at: at }) => {
    // Without settings a shipped rule is as it is shipped.
    const set: DetectionDocument = document === null ? DEFAULT_DOCUMENT : detectionDocument.parse(document);
    return { name, version: { at, isEnabled: set.enabled, author, changeId } };
  });
  return new Map(
    [...Map.groupBy(found, ({ name }) => name)].map(([name, list]) => [name, list.map(({ version }) => version)]),
  );
}

async function approversOf(
  pool: Pool,
  workspaceId: WorkspaceId,
  changes: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  if (changes.length === 0) return new Map();
  const { rows } = await pool.query<{ change_id: string; approvers: unknown }>(
    `SELECT record ->> 'change_id' AS change_id, record -> 'approvers' AS approvers FROM actions
      WHERE workspace_id = $1 AND kind = 'change.approved' AND record ->> 'change_id' = ANY($2) ORDER BY seq`,
    [workspaceId, changes],
  );
  return new Map(
    rows.map(({ change_id, approvers }) => [change_id, Array.isArray(approvers) ? approvers.map(String) : []]),
  );
}

async function evaluatedSince(pool: Pool, workspaceId: WorkspaceId): Promise<Date | null> {
  const { rows } = await pool.query<{ at: Date }>(
    'SELECT started_at AS at FROM detection_evaluators WHERE workspace_id = $1',
    [workspaceId],
  );
  return rows[0]?.at ?? null;
}
