/** login, logout, whoami. */
import { HiveKey } from '@hivekey/sdk';
import type { Command } from 'commander';
import { UsageError } from '../exit.ts';
import { checkedUrl, forgetLogin, storeLogin } from '../login.ts';
import { offline, online } from '../run.ts';
import { readText } from '../values.ts';

interface Workspace {
  readonly id: string;
  readonly name: string;
  readonly environment: string;
  readonly status: string;
  readonly policy_revision: number;
  readonly policy_hash: string;
}

const DEFAULT_URL = 'http://127.0.0.1:7420';

export function addSessionCommands(program: Command): void {
  program
    .command('login')
    .description('check an admin key and keep it for later commands')
    .option('--key <key>', 'admin key; - reads it from standard input, which keeps it out of the shell history')
    .addHelpText(
      'after',
      '\nExamples:\n  hivekey login --key hk_live_…\n  hivekey login --url https://hivekey.acme.example --key - < admin.key',
    )
    .action(
      offline<[], { key?: string }>(async (out, { key: given, url: flag }) => {
        const key = (given === '-' ? readText('-') : (given ?? process.env.HIVEKEY_KEY ?? '')).trim();
        if (key === '')
          throw new UsageError('There is no key to log in with.', 'Give it: hivekey login --key hk_live_…');
        const url = checkedUrl(flag ?? process.env.HIVEKEY_URL ?? DEFAULT_URL);
        const workspace = await new HiveKey({ url, key }).request<Workspace>('GET', '/v1/workspace');
        const stored = storeLogin({ url, key });
        out.result(workspace, () => `Authenticated as ${workspace.name} · workspace ${workspace.environment}`);
        out.note(`The key is kept in ${stored} (mode 0600).`);
        return undefined;
      }),
    );
  program
    .command('logout')
    .description('forget the kept key; the key itself stays valid')
    .action(
      offline(async (out) => {
        const had = forgetLogin();
        out.result({ logged_out: had }, () => (had ? 'Logged out.' : 'Nobody was logged in.'));
        return undefined;
      }),
    );
  program
    .command('whoami')
    .description('the workspace that commands go to')
    .action(
      online(async ({ out, hivekey }) => {
        const workspace = await hivekey.request<Workspace>('GET', '/v1/workspace');
        out.result(
          { url: hivekey.url, ...workspace },
          () =>
            `${workspace.name} · workspace ${workspace.environment} · ${hivekey.url} · policy revision ${workspace.policy_revision}`,
        );
        return undefined;
      }),
    );
}
