/** client: programs of people that sign in as agents through a browser. */
import type { BrowserSignInSettings, OAuthClient } from '@hivekey/sdk';
import type { Command } from 'commander';
import { type Columns, stateLabel } from '../output.ts';
import { online } from '../run.ts';

const CLIENTS: Columns<OAuthClient> = {
  name: ({ name }) => name,
  'goes back to': ({ redirect_uris }) => redirect_uris.join(' '),
  connections: ({ connections }) => String(connections),
  status: ({ status }) => stateLabel(status),
  id: ({ id }) => id,
};
const SETTINGS = '/v1/browser-sign-in-settings';

function settingsLine({ enabled, client_hosts: hosts }: BrowserSignInSettings): string {
  if (!enabled) return 'Agents do not sign in through a browser.';
  return `Agents sign in through a browser, with registered clients and those of ${hosts.length === 0 ? 'any host' : hosts.join(', ')}.`;
}

interface Change {
  readonly on?: true;
  readonly off?: true;
  readonly hosts?: string;
  readonly anyHost?: true;
}

function changeOf({ on, off, hosts, anyHost }: Change): Record<string, unknown> {
  return {
    ...(on === undefined ? {} : { enabled: true }),
    ...(off === undefined ? {} : { enabled: false }),
    ...(hosts === undefined ? {} : { client_hosts: hosts.split(',').map((host) => host.trim()) }),
    ...(anyHost === undefined ? {} : { client_hosts: [] }),
  };
}

export function addOAuthClientCommands(program: Command): void {
  const group = program.command('client').description('MCP clients that sign in as agents through a browser');
  group
    .command('list')
    .description('clients that are registered here; those with a metadata document need not be')
    .action(
      online(async ({ out, hivekey }) => {
        const { data } = await hivekey.request<{ data: readonly OAuthClient[] }>('GET', '/v1/oauth-clients');
        out.table(data, CLIENTS, 'No client is registered.');
        return undefined;
      }),
    );
  group
    .command('add <name>')
    .description('give a client an id; it gets no secret')
    .requiredOption('--redirect <uri...>', 'where the browser goes back to')
    .action(
      online<[string], { redirect: readonly string[] }>(async ({ out, hivekey }, { redirect }, name) => {
        const body = { name, redirect_uris: redirect };
        const made = await hivekey.request<OAuthClient>('POST', '/v1/oauth-clients', { body });
        out.result(made, () => `${made.name} is registered; its client id is ${made.id}.`);
        return undefined;
      }),
    );
  group
    .command('remove <id>')
    .description('let it in no more; its connections end')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, id) => {
        const ended = await hivekey.request<OAuthClient>('DELETE', `/v1/oauth-clients/${encodeURIComponent(id)}`);
        out.result(ended, () => `${ended.name} is ${ended.status}.`);
        return undefined;
      }),
    );
  group
    .command('settings')
    .description('who is let in; without options what holds now')
    .option('--on', 'agents sign in through a browser')
    .option('--off', 'they do not; all connections end')
    .option(
      '--hosts <hosts>',
      'only clients that these hosts vouch for, e.g. claude.ai,vscode.dev; connections of others end',
    )
    .option('--any-host', 'clients of any host')
    .action(
      online<[], Change>(async ({ out, hivekey }, change) => {
        const body = changeOf(change);
        const settings =
          Object.keys(body).length === 0
            ? await hivekey.request<BrowserSignInSettings>('GET', SETTINGS)
            : await hivekey.request<BrowserSignInSettings>('PUT', SETTINGS, { body });
        out.result(settings, () => settingsLine(settings));
        return undefined;
      }),
    );
}
