import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { SIGNATURE_NAMESPACE, SIGNER } from '@hivekey/evidence';
import { z } from 'zod';
import { type Api, type ApiContext, listOf, openTimeCursor, pageOf, pageQuery } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { periodOf } from '../evidence/index.ts';
import type { WorkspaceId } from '../ids.ts';
import { type BundleRow, bundleSchema, bundleView, listBundles, readBundle } from './bundle.ts';
import { heldKey, rotateKey } from './key.ts';
import { archivePath } from './places.ts';
import { newBundleSchema, requestBundle } from './request.ts';

const tags = ['evidence'];
const params = z.object({ id: z.string().max(64) });

const publicKeySchema = z.object({
  object: z.literal('evidence_key'),
  fingerprint: z.string().meta({ description: 'As `ssh-keygen -l` prints it.' }),
  allowed_signers: z.string().meta({ description: 'For `ssh-keygen -Y verify -f`.' }),
  pem: z.string().meta({ description: 'For openssl.' }),
  signer: z.string(),
  namespace: z.string(),
});

const keySchema = publicKeySchema
  .extend({
    used: z
      .array(z.object({ fingerprint: z.string(), first_used_at: z.int(), retired_at: z.int().nullable() }))
      .meta({ description: 'Of this workspace, newest first.' }),
  })
  .meta({ id: 'EvidenceKey' });

export function evidenceBundleRoutes(api: Api, context: ApiContext): void {
  const { pool, log, keys, config, clock } = context;

  api.get(
    '/v1/evidence/bundles',
    {
      schema: {
        tags,
        summary: 'List bundles of evidence, newest first',
        querystring: z.strictObject(pageQuery),
        response: { 200: listOf(bundleSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor } }) => {
      const scope = { list: 'evidence_bundles', workspaceId, filter: {} };
      const after = openTimeCursor(keys.state, scope, cursor);
      const rows = await listBundles(pool, workspaceId, after, limit + 1);
      return pageOf(keys.state, scope, limit, rows, bundleView, (row) => [row.requested_us, row.id]);
    },
  );

  api.post(
    '/v1/evidence/bundles',
    {
      schema: {
        tags,
        summary: 'Have a bundle of evidence built',
        description:
          'All reports of a period as files, with a manifest that is signed. It is built beside everything else, one at a time; look at its status.',
        body: newBundleSchema,
        response: { 202: bundleSchema },
      },
    },
    async ({ administrator, body }, reply) => {
      const id = await requestBundle(context, administrator, periodOf(body.from, body.to, clock()), body);
      return reply.code(202).send(bundleView(await readBundle(pool, administrator.workspaceId, id)));
    },
  );

  api.get(
    '/v1/evidence/bundles/:id',
    { schema: { tags, summary: 'A bundle of evidence', params, response: { 200: bundleSchema } } },
    async ({ administrator: { workspaceId }, params: { id } }) => bundleView(await readBundle(pool, workspaceId, id)),
  );

  api.get(
    '/v1/evidence/bundles/:id/download',
    {
      schema: {
        tags,
        summary: 'The archive of a bundle',
        description:
          'A tar archive; `repr-digest` is that of the bundle. Each download is on the log before it is sent.',
        params,
        response: { 200: { description: 'The archive.', content: { 'application/x-tar': { schema: z.unknown() } } } },
      },
    },
    async ({ administrator, params: { id } }, reply) => {
      const { workspaceId, actor, credentialId, via } = administrator;
      const bundle = await readBundle(pool, workspaceId, id);
      const path = await archiveOf(workspaceId, bundle);
      await log.record(workspaceId, {
        kind: 'evidence.bundle_downloaded',
        actor,
        key_id: credentialId,
        via,
        bundle: id,
        name: bundle.name,
        sha256: bundle.sha256 ?? undefined,
      });
      reply.headers({
        'content-type': 'application/x-tar',
        'content-length': bundle.bytes ?? 0,
        'content-disposition': `attachment; filename="${bundle.name}.tar"`,
        'repr-digest': `sha-256=:${Buffer.from(bundle.sha256 ?? '', 'hex').toString('base64')}:`,
      });
      return reply.send(createReadStream(path));
    },
  );

  /** Throws `bundle_not_ready`, `bundle_elsewhere`, `bundle_damaged`. */
  async function archiveOf(workspaceId: WorkspaceId, { id, status, node, bytes }: BundleRow): Promise<string> {
    if (status !== 'ready')
      throw new Failure(
        409,
        'bundle_not_ready',
        `The bundle is ${status}.`,
        status === 'building' ? 'Wait until it is ready.' : 'Ask for another one.',
      );
    const path = archivePath(config.data, workspaceId, id);
    const found = await stat(path).catch(() => undefined);
    if (found?.size === bytes) return path;
    if (found === undefined && node !== context.nodeId)
      throw new Failure(
        409,
        'bundle_elsewhere',
        `The file lies in the data folder of ${node}.`,
        'Ask that node for it, or ask for another bundle here.',
      );
    throw new Failure(
      500,
      'bundle_damaged',
      'The file of the bundle is not there as it was made.',
      'Restore the data folder, or ask for another bundle; what was handed out stays what it is.',
    );
  }

  api.get(
    '/v1/evidence/key',
    {
      schema: {
        tags,
        summary: 'The key that signs evidence',
        description: 'Its public half. Compare the fingerprint by another road than the bundle.',
        response: { 200: keySchema },
      },
    },
    async ({ administrator: { workspaceId } }) => keyOf(workspaceId),
  );

  api.post(
    '/v1/evidence/key/rotate',
    {
      schema: {
        tags,
        summary: 'Sign evidence with another key from now on',
        description: 'Both fingerprints are on the log. Bundles that are ready stay signed by the key that was.',
        body: z.strictObject({ reason: z.string().trim().min(1).max(1000) }),
        response: { 200: keySchema },
      },
    },
    async ({ administrator, body: { reason } }) => {
      await rotateKey(log, config.data, administrator, reason);
      return keyOf(administrator.workspaceId);
    },
  );

  async function keyOf(workspaceId: WorkspaceId): Promise<z.output<typeof keySchema>> {
    const { rows } = await pool.query<z.output<typeof keySchema>['used'][number]>(
      `SELECT fingerprint, floor(extract(epoch FROM first_used_at))::bigint AS first_used_at,
              floor(extract(epoch FROM retired_at))::bigint AS retired_at
         FROM evidence_keys WHERE workspace_id = $1 ORDER BY evidence_keys.first_used_at DESC, fingerprint`,
      [workspaceId],
    );
    return { ...publicKey(config.data), used: rows };
  }
}

/** For everybody: a fingerprint is there to be compared. */
export function evidenceKeyRoutes(api: Api, { config }: ApiContext): void {
  api.get(
    '/.well-known/hivekey-evidence-key',
    {
      schema: {
        tags,
        summary: 'The key that signs evidence',
        security: [],
        response: { 200: publicKeySchema },
      },
    },
    async (_request, reply) => {
      reply.header('cache-control', 'public, max-age=300');
      return publicKey(config.data);
    },
  );
}

function publicKey(data: string): z.output<typeof publicKeySchema> {
  const { fingerprint, allowedSigners, pem } = heldKey(data);
  return {
    object: 'evidence_key',
    fingerprint,
    allowed_signers: allowedSigners,
    pem,
    signer: SIGNER,
    namespace: SIGNATURE_NAMESPACE,
  };
}
