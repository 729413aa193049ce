import type { Pool } from 'pg';
import type { z } from 'zod';
import type { Api, ApiContext } from '../api/route.ts';
import type { WorkspaceId } from '../ids.ts';
import { contentHash } from '../versions/index.ts';
import { changeSettingsType, readStoredSettings, settingsDocument, settingsSchema } from './settings.ts';

const tags = ['changes'];

/** Whether and how changes are reviewed. */
export function changeSettingsRoutes(api: Api, { pool, log }: ApiContext): void {
  api.get(
    '/v1/change-settings',
    { schema: { tags, summary: 'Whether and how changes are reviewed', response: { 200: settingsSchema } } },
    ({ administrator: { workspaceId } }) => view(pool, workspaceId),
  );

  api.put(
    '/v1/change-settings',
    {
      schema: {
        tags,
        summary: 'Set whether and how changes are reviewed',
        description:
          'All members. Once changes are reviewed, so is this one: `change_required`, and a change with an operation of type `change_settings`, id `*`.',
        body: settingsDocument,
        response: { 200: settingsSchema },
      },
    },
    async ({ administrator, body }) => {
      await log.transact(administrator.workspaceId, (transaction) =>
        changeSettingsType.apply(transaction, administrator, '*', changeSettingsType.parse('*', body)),
      );
      return view(pool, administrator.workspaceId);
    },
  );
}

async function view(pool: Pool, workspaceId: WorkspaceId): Promise<z.output<typeof settingsSchema>> {
  const { settings, author, updated_at } = await readStoredSettings(pool, workspaceId);
  const hash = contentHash(changeSettingsType.parse('*', settings));
  return { object: 'change_settings', ...settings, hash, author, updated_at };
}
