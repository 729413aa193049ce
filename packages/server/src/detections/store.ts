/** What is set about detection rules, as rows; and its versions, by which an evaluator knows what was in force where on the log. */
import type { ClientBase, Pool } from 'pg';
import type { Administrator } from '../api/route.ts';
import { readBreaker } from '../breakers/index.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { roleNotFound } from '../roles/index.ts';
import { type DetectionDocument, detectionDocument } from './document.ts';
import { checkDetection, type Detection, isShipped, loadDetections, type Settings } from './rule-set.ts';

/** Of the workspace's own, together: each is evaluated on each record. */
const MAX_OWN = 200;

interface Row {
  readonly name: string;
  readonly document: unknown;
  readonly version: number | null;
  readonly author: string;
  /** Epoch seconds. */
  readonly updated_at: number;
}

const SETTINGS = `
SELECT d.name, d.document, d.author, floor(extract(epoch FROM d.updated_at))::bigint AS updated_at,
       (SELECT max(v.version) FROM object_versions v WHERE v.workspace_id = d.workspace_id AND v.object_type = 'detection'
           AND v.object_id = d.name) AS version
  FROM detections d WHERE d.workspace_id = $1`;

export interface StoredSetting {
  readonly document: DetectionDocument;
  readonly version: number | null;
  readonly author: string;
  readonly updatedAt: number;
}

/** As they stand now. */
export async function readSettings(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
): Promise<ReadonlyMap<string, StoredSetting>> {
  const { rows } = await client.query<Row>(`${SETTINGS} ORDER BY d.name COLLATE "C"`, [workspaceId]);
  return new Map(
    rows.map(({ name, document, version, author, updated_at: updatedAt }) => [
      name,
      { document: detectionDocument.parse(document), version, author, updatedAt },
    ]),
  );
}

/** Throws `detection_not_found`. */
export async function readDetection(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  name: string,
): Promise<Detection> {
  const found = loadDetections(await readSettings(client, workspaceId)).find((each) => each.name === name);
  if (found === undefined) throw detectionNotFound(name);
  return found;
}

export function detectionNotFound(name: string): Failure {
  return new Failure(
    404,
    'detection_not_found',
    `There is no detection "${name}".`,
    'List them with GET /v1/detections.',
  );
}

/** Throws `detection_invalid`, `role_not_found`, `breaker_not_found`, `too_many_detections`. */
export function putDetection(
  log: ActionLog,
  who: Administrator,
  name: string,
  document: DetectionDocument,
): Promise<Detection> {
  return log.transact(who.workspaceId, (transaction) => putDetectionIn(transaction, who, name, document));
}

export async function putDetectionIn(
  { client, log }: LoggedTransaction,
  { workspaceId, actor }: Pick<Administrator, 'workspaceId' | 'actor'>,
  name: string,
  document: DetectionDocument,
): Promise<Detection> {
  const before = await readSettings(client, workspaceId);
  checkDetection(name, document, before);
  const own = [...before.keys()].filter((each) => !isShipped(each));
  if (!isShipped(name) && !before.has(name) && own.length >= MAX_OWN)
    throw new Failure(
      409,
      'too_many_detections',
      `The workspace has ${MAX_OWN} rules of its own already.`,
      'Remove one with DELETE /v1/detections/:rule.',
    );
  const { action } = document;
  if (action.kind === 'quarantine' && action.role !== undefined) await checkRole(client, workspaceId, action.role);
  if (action.kind === 'breaker') await readBreaker(client, workspaceId, action.breaker);
  await client.query(
    `INSERT INTO detections (workspace_id, name, document, author) VALUES ($1, $2, $3, $4)
     ON CONFLICT (workspace_id, name) DO UPDATE SET document = excluded.document, author = excluded.author, updated_at = now()`,
    [workspaceId, name, JSON.stringify(document), actor],
  );
  const { sigma: _, ...settings } = document;
  log({
    kind: 'detection.changed',
    actor,
    detection: name,
    change: before.has(name) ? 'updated' : 'created',
    settings,
    rule_digest: loadDetections(new Map([[name, { document, version: null }]])).find((each) => each.name === name)
      ?.rules[0]?.fileDigest,
  });
  return readDetection(client, workspaceId, name);
}

async function checkRole(client: ClientBase, workspaceId: WorkspaceId, role: string): Promise<void> {
  const { rowCount } = await client.query(
    'SELECT FROM roles WHERE workspace_id = $1 AND name = $2 AND current_revision > 0',
    [workspaceId, role],
  );
  if (rowCount === 0) throw roleNotFound(role);
}

/** A shipped rule is as it is shipped again. Throws `detection_not_found`. */
export function removeDetection(log: ActionLog, who: Administrator, name: string): Promise<void> {
  return log.transact(who.workspaceId, (transaction) => removeDetectionIn(transaction, who, name));
}

export async function removeDetectionIn(
  { client, log }: LoggedTransaction,
  { workspaceId, actor }: Pick<Administrator, 'workspaceId' | 'actor'>,
  name: string,
): Promise<void> {
  const { rowCount } = await client.query('DELETE FROM detections WHERE workspace_id = $1 AND name = $2', [
    workspaceId,
    name,
  ]);
  if (rowCount === 0) throw detectionNotFound(name);
  log({ kind: 'detection.changed', actor, detection: name, change: 'removed' });
}

/** As they were before the entry. */
export async function settingsBefore(pool: Pool, workspaceId: WorkspaceId, seq: number): Promise<Settings> {
  const { rows } = await pool.query<{ name: string; version: number; document: unknown }>(
    `SELECT DISTINCT ON (v.object_id) v.object_id AS name, v.version, v.document
       FROM object_versions v JOIN actions a ON a.workspace_id = v.workspace_id AND a.event_id = v.event_id
      WHERE v.workspace_id = $1 AND v.object_type = 'detection' AND a.seq < $2 ORDER BY v.object_id, v.version DESC`,
    [workspaceId, seq],
  );
  return settingsOf(rows);
}

/** Of these versions; a version that removed the object has none. */
export async function settingsAt(
  pool: Pool,
  workspaceId: WorkspaceId,
  versions: readonly { readonly name: string; readonly version: number }[],
): Promise<Settings> {
  if (versions.length === 0) return new Map();
  const { rows } = await pool.query<{ name: string; version: number; document: unknown }>(
    `SELECT v.object_id AS name, v.version, v.document
       FROM unnest($2::text[], $3::integer[]) AS t (name, version)
       JOIN object_versions v ON v.workspace_id = $1 AND v.object_type = 'detection' AND v.object_id = t.name AND v.version = t.version`,
    [workspaceId, versions.map(({ name }) => name), versions.map(({ version }) => version)],
  );
  return settingsOf(rows);
}

function settingsOf(rows: readonly { name: string; version: number; document: unknown }[]): Settings {
  return new Map(
    rows.flatMap(({ name, version, document }) =>
      document === null ? [] : [[name, { document: detectionDocument.parse(document), version }]],
    ),
  );
}
