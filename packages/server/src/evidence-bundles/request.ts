/** Asks for a bundle: a row and a record; who builds it takes it from there. */
import type { Period } from '@hivekey/evidence';
import { z } from 'zod';
import type { Administrator, ApiContext } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { reportOf } from '../evidence/index.ts';
import { newId } from '../ids.ts';
import { announceKey, heldKey } from './key.ts';

const moment = z.iso.datetime({ offset: true });
const DAY_MS = 86_400_000;
/** Seven years, as books are kept; auditors come back to earlier periods. */
const RETAIN_DAYS = 7 * 365 + 2;
const MAX_RETAIN_DAYS = 20 * 366;

export const newBundleSchema = z.strictObject({
  from: moment.meta({ description: 'Inclusive.' }),
  to: moment.meta({ description: 'Exclusive.' }),
  include: z
    .array(z.string().max(64))
    .min(1)
    .max(64)
    .optional()
    .meta({ description: 'Ids of reports; without it, all there are.' }),
  reason: z.string().trim().min(1).max(1000).optional().meta({
    description: 'Why there is another version: must be said where the period has a bundle already.',
  }),
  retain_days: z.int().min(1).max(MAX_RETAIN_DAYS).default(RETAIN_DAYS),
});

export type NewBundle = z.output<typeof newBundleSchema>;

/** The id. Throws `report_not_found`, `bundle_building`, `reason_required`. */
export async function requestBundle(
  { log, config, nodeId }: Pick<ApiContext, 'log' | 'config' | 'nodeId'>,
  { workspaceId, actor, session, credentialId }: Administrator,
  period: Period,
  { include, reason = '', retain_days: days }: NewBundle,
): Promise<string> {
  const wanted = include === undefined ? null : [...new Set(include)].sort();
  for (const each of wanted ?? []) reportOf(each);
  const key = heldKey(config.data);
  const id = newId('bdl');
  await log.transact(workspaceId, async (transaction) => {
    const { client, now, log: record } = transaction;
    const { rows } = await client.query<{ tenant: string; building: string | null; version: number }>(
      `SELECT name AS tenant,
              (SELECT id FROM evidence_bundles b WHERE b.workspace_id = w.id AND b.status = 'building') AS building,
              (SELECT coalesce(max(version), 0) FROM evidence_bundles b
                WHERE b.workspace_id = w.id AND b.period_from = $2 AND b.period_to = $3) + 1 AS version
         FROM workspaces w WHERE id = $1`,
      [workspaceId, period.from, period.to],
    );
    const [found] = rows;
    if (found === undefined) throw new Error(`there is no workspace ${workspaceId}`);
    const { tenant, building, version } = found;
    if (building !== null)
      throw new Failure(
        409,
        'bundle_building',
        `The bundle ${building} is still being built.`,
        'Wait until it is ready or has failed: GET /v1/evidence/bundles.',
      );
    if (version > 1 && reason === '')
      throw new Failure(
        422,
        'reason_required',
        `There is a bundle of this period: this would be version ${version}.`,
        'Say why another one is made; its README tells it.',
      );
    const name = nameOf(tenant, period, version);
    await announceKey(transaction, workspaceId, actor, key);
    await client.query(
      `INSERT INTO evidence_bundles (workspace_id, id, name, version, period_from, period_to, include, reason, requested_by, session,
                                     requested_at, heard_at, dispose_at, node)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12, $13)`,
      [
        workspaceId,
        id,
        name,
        version,
        period.from,
        period.to,
        wanted,
        reason,
        actor,
        session?.id ?? credentialId,
        now,
        new Date(now.getTime() + days * DAY_MS),
        nodeId,
      ],
    );
    record({
      kind: 'evidence.bundle_requested',
      actor,
      bundle: id,
      name,
      version,
      ...period,
      include: wanted ?? undefined,
      reason: reason === '' ? undefined : reason,
      retain_days: days,
    });
  });
  return id;
}

/** E.g. `acme-agent-evidence_2026-07-01_2026-10-01_v3`. */
function nameOf(tenant: string, { from, to }: Period, version: number): string {
  const slug = tenant
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40);
  return `${slug === '' ? 'workspace' : slug}-agent-evidence_${day(from)}_${day(to)}_v${version}`;
}

/** The date alone where it is a whole day. */
function day(instant: string): string {
  return instant.endsWith('T00:00:00.000Z') ? instant.slice(0, 10) : instant.slice(0, 19).replaceAll(':', '');
}
