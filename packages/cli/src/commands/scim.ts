/** scim: directories that provide people and groups. */
import type { ScimConnection } from '@hivekey/sdk';
import type { Command } from 'commander';
import { type Columns, when } from '../output.ts';
import { online } from '../run.ts';
import { repeated } from '../values.ts';

const COLUMNS: Columns<ScimConnection> = {
  name: ({ name }) => name,
  status: ({ status }) => status,
  scopes: ({ scopes }) => scopes.join(', '),
  people: ({ people }) => String(people),
  groups: ({ groups }) => String(groups),
  seen: ({ last_seen_at }) => (last_seen_at === null ? 'never' : when(last_seen_at)),
  'last refusal': ({ last_error }) => (last_error === null ? '' : `${last_error.status} ${last_error.request}`),
  'token ends': ({ tokens }) => (tokens[0] === undefined ? '' : when(tokens[0].expires_at)),
};

const BASE = '/v1/scim-connections';

interface Details {
  readonly scope?: readonly string[];
  readonly agentOwner?: string;
}

export function addScimCommands(program: Command): void {
  const scim = program.command('scim').description('directories that provide people and groups');
  scim
    .command('connect <name>')
    .description('let a directory in; its token is shown once')
    .option('--scope <scope>', 'users, groups or agents; may be repeated', repeated)
    .option('--agent-owner <person>', 'accountable for agents whose owner the directory does not name')
    .action(
      online<[string], Details>(async ({ out, hivekey }, { scope, agentOwner }, name) => {
        const body = {
          name,
          ...(scope === undefined ? {} : { scopes: scope }),
          ...(agentOwner === undefined ? {} : { agent_owner: agentOwner }),
        };
        const made = await hivekey.request<ScimConnection>('POST', BASE, { body });
        out.result(made, () => made.token ?? '');
        out.note(`Give the directory ${made.base_url} and this token, which is not shown again.`);
        return undefined;
      }),
    );
  scim
    .command('list')
    .description('directories, and how they fare')
    .action(
      online(async ({ out, hivekey }) => {
        out.table(await hivekey.all<ScimConnection>(BASE), COLUMNS, 'No directory is connected.');
        return undefined;
      }),
    );
  scim
    .command('rotate <name>')
    .description('make a new token; the one before lives on for a day')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, name) => {
        const made = await hivekey.request<ScimConnection>('POST', `${BASE}/${encodeURIComponent(name)}/rotate`, {
          body: {},
        });
        out.result(made, () => made.token ?? '');
        return undefined;
      }),
    );
  scim
    .command('revoke <name>')
    .description('end the connection; people and groups stay as they are')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, name) => {
        const ended = await hivekey.request<ScimConnection>('POST', `${BASE}/${encodeURIComponent(name)}/revoke`, {
          body: {},
        });
        out.result(ended, () => `${ended.name} provides nothing any more.`);
        return undefined;
      }),
    );
}
