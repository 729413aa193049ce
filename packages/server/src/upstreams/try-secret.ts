/** Whether a stored credential opens, and whether what uses it takes it. */
import { z } from 'zod';
import type { ApiContext } from '../api/route.ts';
import type { WorkspaceId } from '../ids.ts';
import type { Secret } from '../secret.ts';
import { Undescribed } from './connections/connection.ts';
import type { SecretUser } from './credentials/secret-views.ts';
import { CredentialUnavailable } from './credentials/unavailable.ts';

export const trySchema = z
  .object({
    object: z.literal('secret_test'),
    name: z.string(),
    version: z.int(),
    opened: z.boolean(),
    error: z.string().nullable().meta({ description: 'Why it could not be opened.' }),
    connections: z.array(
      z.object({
        kind: z.enum(['mcp_server', 'http_api', 'channel', 'sink']),
        name: z.string(),
        state: z.enum(['ok', 'failed', 'not_tried']).meta({
          description:
            'Of an MCP server after a handshake; of an HTTP API after obtaining a token, where it takes one; otherwise it is not tried.',
        }),
        error: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'SecretTest' });
type TryView = z.output<typeof trySchema>;
type Tried = TryView['connections'][number];

type Context = Pick<ApiContext, 'secrets' | 'upstreams' | 'httpApis' | 'log'>;

/** `version`: the current one when absent. Throws `secret_not_found`. */
export async function trySecret(
  context: Context,
  workspaceId: WorkspaceId,
  name: string,
  version: number | undefined,
  actor: string,
): Promise<TryView> {
  const { secrets, log } = context;
  const view = await secrets.getSecret(workspaceId, name);
  const tried = version ?? view.version;
  let secret: Secret | undefined;
  let error: string | null = null;
  try {
    secret = await secrets.openVersion(workspaceId, name, tried);
  } catch (thrown) {
    if (!(thrown instanceof CredentialUnavailable)) throw thrown;
    error = thrown.message;
  }
  const opened = secret;
  const connections =
    opened === undefined
      ? []
      : await Promise.all(view.used_by.map((user) => tryUser(context, workspaceId, user, opened)));
  const failed = connections.filter(({ state }) => state === 'failed').map((each) => each.name);
  await log.record(workspaceId, {
    kind: 'secret.changed',
    actor,
    secret: name,
    version: tried,
    change: 'tested',
    opened: opened !== undefined,
    ...(failed.length === 0 ? {} : { failed }),
  });
  return { object: 'secret_test', name, version: tried, opened: opened !== undefined, error, connections };
}

async function tryUser(
  { upstreams, httpApis }: Context,
  workspaceId: WorkspaceId,
  { kind, id, name }: SecretUser,
  secret: Secret,
): Promise<Tried> {
  try {
    if (kind === 'channel' || kind === 'sink') return { kind, name, state: 'not_tried', error: null };
    if (kind === 'http_api')
      return { kind, name, state: await httpApis.tryCredential(workspaceId, id, secret), error: null };
    await upstreams.tryCredential(workspaceId, id, secret);
    return { kind, name, state: 'ok', error: null };
  } catch (error) {
    if (!(error instanceof Undescribed || error instanceof CredentialUnavailable)) throw error;
    return { kind, name, state: 'failed', error: error.message };
  }
}
