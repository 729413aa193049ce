/**
 * Certificates: for every agent and capability the production decision function was asked on and beside every bound, and
 * what it lets through is what the numbers take for reachable. One is made when another policy has come in force, in a
 * thread of its own; no call waits for it.
 */
import type { RadiusWorld } from '@hivekey/policy';
import type { Pool } from 'pg';
import { z } from 'zod';
import type { ApiContext, TimePosition } from '../api/route.ts';
import { administratorsOf } from '../identity/index.ts';
import { newId, type WorkspaceId } from '../ids.ts';
import { compute } from './compute.ts';
import type { SweptWorld } from './sweep-world.ts';
import type { World, Worlds } from './world.ts';

export type CertifyContext = Pick<ApiContext, 'pool' | 'log' | 'version'> & {
  readonly worlds: Worlds;
  /** In place of the thread; for tests that have another decision function. */
  readonly swept?: (world: RadiusWorld) => Promise<SweptWorld>;
};

/** Names on one record, which has at most 64 KiB. */
const MAX_NAMES = 100;

const cellSchema = z.object({
  roles: z.array(z.string()),
  capability: z.string(),
  asked: z.enum(['alone', 'approval', 'never']).meta({ description: 'By the decision function.' }),
  computed: z.enum(['alone', 'approval', 'never']).meta({ description: 'As the numbers take it.' }),
});

export const certificateSchema = z
  .object({
    id: z.string(),
    object: z.literal('blast_radius_certificate'),
    policy: z.string(),
    policy_revision: z.int(),
    numbers_digest: z.string(),
    sweep_digest: z.string(),
    agents: z.int(),
    role_sets: z.int().meta({ description: 'Sets of roles that agents wear; agents of one are judged together.' }),
    cells: z.int().meta({ description: 'Sets of roles × capabilities.' }),
    inputs: z.int().meta({ description: 'Calls that the decision function was asked about.' }),
    differences: z.int().meta({ description: '0: what is let through is what the numbers are made of.' }),
    differing: z.array(cellSchema).meta({ description: 'The first of them.' }),
    version: z.string().meta({ description: 'Of HiveKey.' }),
    actor: z.string(),
    took_ms: z.int(),
    made_at: z.int(),
    event_id: z.string(),
  })
  .meta({ id: 'BlastRadiusCertificate' });

type View = z.output<typeof certificateSchema>;

export interface Certificate extends View {
  readonly made_us: number;
}

const CERTIFICATES = `
SELECT id, 'blast_radius_certificate' AS object, policy_hash AS policy, policy_revision, numbers_digest, sweep_digest, agents,
       role_sets, cells, inputs, differences, differing, version, actor, took_ms, floor(extract(epoch FROM made_at))::bigint AS made_at,
       event_id, (extract(epoch FROM made_at) * 1000000)::bigint AS made_us
  FROM blast_radius_certificates WHERE workspace_id = $1`;

export function certificateView({ made_us: _, ...view }: Certificate): View {
  return view;
}

/** Newest first; of one policy, if its hash is named. */
export async function listCertificates(
  pool: Pool,
  workspaceId: WorkspaceId,
  policy: string | undefined,
  after: TimePosition | undefined,
  limit: number,
): Promise<Certificate[]> {
  const { rows } = await pool.query<Certificate>(
    `${CERTIFICATES} AND ($2::text IS NULL OR policy_hash = $2)
   AND ($3::bigint IS NULL OR (blast_radius_certificates.made_at, id) < ('epoch'::timestamptz + $3 * interval '1 microsecond', $4))
 ORDER BY blast_radius_certificates.made_at DESC, id DESC LIMIT $5`,
    [workspaceId, policy ?? null, after?.atUs ?? null, after?.id ?? null, limit],
  );
  return rows;
}

/** Throws as `compute`. */
export async function certify(
  context: CertifyContext,
  workspaceId: WorkspaceId,
  actor: string,
  read: World,
): Promise<Certificate> {
  const { pool, log, version, swept: sweepOf = sweptInThread } = context;
  const startedAt = performance.now();
  const swept = await sweepOf(read.world);
  const tookMs = Math.round(performance.now() - startedAt);
  const id = newId<string>('brc');
  const {
    policyHash,
    policyRevision,
    numbersDigest,
    sweepDigest,
    agents,
    roleSets,
    cells,
    inputs,
    differences,
    differing,
  } = swept;
  await log.transact(workspaceId, async ({ client, log: record }) => {
    const facts = {
      certificate: id,
      policy: policyHash,
      policy_revision: policyRevision,
      numbers_digest: numbersDigest,
      sweep_digest: sweepDigest,
      differences,
    };
    const eventId = record({
      kind: 'blast_radius.swept',
      actor,
      ...facts,
      agents,
      role_sets: roleSets,
      cells,
      inputs,
      version,
    });
    await client.query(
      `INSERT INTO blast_radius_certificates (workspace_id, id, policy_hash, policy_revision, numbers_digest, sweep_digest, agents, role_sets,
                                              cells, inputs, differences, differing, version, actor, took_ms, event_id)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
      [
        workspaceId,
        id,
        policyHash,
        policyRevision,
        numbersDigest,
        sweepDigest,
        agents,
        roleSets,
        cells,
        inputs,
        differences,
        JSON.stringify(differing),
        version,
        actor,
        tookMs,
        eventId,
      ],
    );
    if (differences > 0)
      record({
        kind: 'blast_radius.differs',
        actor: 'system',
        severity: 'critical',
        to: await administratorsOf(client, workspaceId),
        ...facts,
        differing,
      });
    const fresh = await newlyUnbounded(client, workspaceId, swept.unbounded);
    if (fresh.length > 0)
      record({
        kind: 'blast_radius.unbounded',
        actor: 'system',
        policy: policyHash,
        policy_revision: policyRevision,
        agents: fresh.slice(0, MAX_NAMES).map((each) => read.agents.get(each)?.name ?? each),
        agents_count: fresh.length,
        unbounded_count: swept.unbounded.length,
      });
  });
  const { rows } = await pool.query<Certificate>(`${CERTIFICATES} AND id = $2`, [workspaceId, id]);
  const [made] = rows;
  if (made === undefined) throw new Error(`the certificate ${id} was not kept`);
  return made;
}

/** Keeps who has no bound now, and tells who had one before. */
async function newlyUnbounded(
  client: Parameters<typeof administratorsOf>[0],
  workspaceId: WorkspaceId,
  unbounded: readonly string[],
): Promise<readonly string[]> {
  const { rows } = await client.query<{ before: string[] }>(
    `INSERT INTO blast_radius_watch AS w (workspace_id) VALUES ($1)
     ON CONFLICT (workspace_id) DO UPDATE SET workspace_id = w.workspace_id RETURNING w.unbounded AS before`,
    [workspaceId],
  );
  await client.query('UPDATE blast_radius_watch SET unbounded = $2 WHERE workspace_id = $1', [workspaceId, unbounded]);
  const before = new Set(rows[0]?.before);
  return unbounded.filter((id) => !before.has(id));
}

function sweptInThread(world: RadiusWorld): Promise<SweptWorld> {
  return compute({ kind: 'sweep', world });
}
