/** A session as its own browser sees it. */
import { z } from 'zod';
import type { ApiContext } from '../api/route.ts';
import type { Session } from './sessions.ts';
import { WORKSPACE_ROLES } from './workspace-roles.ts';

export const sessionSchema = z
  .object({
    object: z.literal('session'),
    workspace: z.object({
      id: z.string(),
      name: z.string(),
      environment: z.string(),
      status: z.enum(['active', 'stopped']),
      sample_data: z.boolean().meta({ description: 'What is in it was made up to show the product.' }),
    }),
    id: z.string(),
    key: z
      .object({ id: z.string(), name: z.string() })
      .nullable()
      .meta({ description: 'Null when a person signed in.' }),
    person: z.object({ id: z.string(), email: z.string() }).nullable(),
    roles: z.array(z.enum(WORKSPACE_ROLES)).meta({ description: 'What the session may do, now.' }),
    engagement: z.string().nullable().meta({ description: 'Of somebody of an audit firm: what lets them in.' }),
    method: z.enum(['key', 'oidc', 'saml', 'passkey']),
    authenticated_at: z.int(),
    acr: z.string().nullable(),
    amr: z.array(z.string()),
    stepped_up_at: z.int().nullable().meta({ description: 'The last step-up with a passkey.' }),
    csrf_token: z.string(),
    expires_at: z.int(),
  })
  .meta({ id: 'Session' });

export async function sessionBody(
  { pool }: Pick<ApiContext, 'pool'>,
  session: Session,
): Promise<z.output<typeof sessionSchema>> {
  const { rows } = await pool.query<z.output<typeof sessionSchema>['workspace']>(
    `SELECT w.id, w.name, w.environment, s.status, w.sample_data
       FROM workspaces w JOIN workspace_state s ON s.workspace_id = w.id WHERE w.id = $1`,
    [session.workspaceId],
  );
  const [workspace] = rows;
  if (workspace === undefined) throw new Error(`there is no workspace ${session.workspaceId}`);
  return {
    object: 'session',
    workspace,
    id: session.id,
    key: session.key ?? null,
    person: session.person ?? null,
    roles: [...session.roles],
    engagement: session.engagement?.id ?? null,
    method: session.method,
    authenticated_at: Math.floor(session.authenticatedAt.getTime() / 1000),
    acr: session.acr ?? null,
    amr: [...session.amr],
    stepped_up_at: session.steppedUpAtMs === undefined ? null : Math.floor(session.steppedUpAtMs / 1000),
    csrf_token: session.csrfToken,
    expires_at: Math.floor(session.expiresAt.getTime() / 1000),
  };
}
