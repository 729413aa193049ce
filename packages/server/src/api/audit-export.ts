/** An export of the log as a tar archive, made while it is sent: its size is known, nothing is kept. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Pack, pack } from 'tar-stream';
import { z } from 'zod';
import type { LogExport } from '../log/index.ts';
import type { Api, ApiContext } from './context.ts';

const FILE_MODE = 0o644;

const moment = z.iso.datetime({ offset: true });
const query = z.strictObject({
  from: moment.optional().meta({ description: 'Decision time, inclusive.' }),
  to: moment.optional().meta({ description: 'Decision time, exclusive.' }),
  prove_sizes: z
    .string()
    .regex(/^\d{1,15}(,\d{1,15}){0,999}$/, 'is not a list of tree sizes, such as 120,4711')
    .optional()
    .meta({ description: 'Tree sizes of checkpoints held elsewhere, to be proven consistent with the export.' }),
});

export function exportRoute(api: Api, { log }: ApiContext): void {
  api.get(
    '/v1/audit/export',
    {
      schema: {
        summary: 'Export the log for `hivekey verify`',
        description: 'A tar archive of a period, or of everything. Each export is itself on the log.',
        tags: ['audit'],
        querystring: query,
        response: { 200: { description: 'The archive.', content: { 'application/x-tar': { schema: z.unknown() } } } },
      },
    },
    async (request, reply) => {
      const { workspaceId, actor, credentialId, via } = request.administrator;
      const { from, to, prove_sizes: proveSizes } = request.query;
      const made = await log.export(workspaceId, {
        ...(from === undefined ? {} : { from: new Date(from) }),
        ...(to === undefined ? {} : { to: new Date(to) }),
        ...(proveSizes === undefined ? {} : { proveSizes: proveSizes.split(',').map(Number) }),
      });
      const { first, last, treeSize } = made;
      await log.record(workspaceId, {
        kind: 'log.exported',
        actor,
        key_id: credentialId,
        via,
        from,
        to,
        first_seq: first,
        last_seq: last,
        count: last - first + 1,
        tree_size: treeSize,
      });
      reply
        .type('application/x-tar')
        .header('content-disposition', `attachment; filename="hivekey-log-${first}-${last}.tar"`);
      return reply.send(Readable.from(archiveOf(made), { objectMode: false }));
    },
  );
}

function archiveOf({ files }: LogExport): Pack {
  const archive = pack();
  async function fill(): Promise<void> {
    for (const { path, size, chunks } of files)
      await pipeline(chunks, archive.entry({ name: path, size, mode: FILE_MODE, mtime: new Date(0) }));
    archive.finalize();
  }
  // The reader sees the archive cut off, which it refuses.
  fill().catch((error: unknown) => archive.destroy(error instanceof Error ? error : new Error(String(error))));
  return archive;
}
