/** secret: upstream credentials in versions, what uses them, and the keys they are encrypted under. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EncryptionKeys, SecretTest, StoredSecret } from '@hivekey/sdk';
import type { Command } from 'commander';
import { EXIT } from '../exit.ts';
import { type Columns, paint, printable, when } from '../output.ts';
import { online } from '../run.ts';
import { duration, readText, wholeNumber } from '../values.ts';

const SECRETS: Columns<StoredSecret> = {
  name: ({ name }) => `vault://${name}`,
  version: ({ version }) => String(version),
  last4: ({ last4 }) => `…${last4}`,
  set: ({ created }) => when(created),
  expires: ({ expires, expiry }) =>
    expiry === 'past'
      ? paint('red', when(expires))
      : expiry === 'soon'
        ? paint('yellow', when(expires))
        : when(expires),
  'last used': ({ last_used }) => when(last_used),
  'used by': ({ used_by }) => used_by.map(({ name }) => name).join(', ') || '–',
};

const MARKS = { ok: paint('green', '✓'), failed: paint('red', '✗'), not_tried: paint('dim', '·') };
const POLL_MS = 200;

const pathOf = (name: string): string => `/v1/secrets/${encodeURIComponent(name)}`;

function said({ name, version, versions }: StoredSecret): string {
  const staged = versions.filter(({ state }) => state === 'staged');
  const more = staged.map((each) => ` · version ${each.version} staged`).join('');
  return `vault://${name} · version ${version}${more}`;
}

function described(secret: StoredSecret): string {
  const agents = secret.agents ?? [];
  return [
    `vault://${secret.name} · version ${secret.version} · …${printable(secret.last4)} · last used ${when(secret.last_used)}`,
    ...secret.versions.map(
      ({ version, state, last4, created, created_by, expires, retires }) =>
        `  ${version}  ${state.padEnd(8)}  …${printable(last4)}  ${when(created)} by ${printable(created_by)}` +
        `${expires === null ? '' : ` · expires ${when(expires)}`}${retires === null ? '' : ` · erased ${when(retires)}`}`,
    ),
    `used by: ${secret.used_by.map(({ kind, name }) => `${name} (${kind})`).join(', ') || 'nothing'}`,
    agents.length === 0 ? 'no agent can reach it' : 'agents that can reach it:',
    ...agents.map(
      ({ name, status, capabilities, last_call }) =>
        `  ${printable(name)} (${status}) · ${capabilities.join(', ')} · last call ${when(last_call)}`,
    ),
  ].join('\n');
}

export function addSecretCommands(program: Command): void {
  const secret = program.command('secret').description('upstream credentials, encrypted at rest and never shown');
  addStored(secret);
  addVersions(secret);
  addKeys(secret);
}

function addStored(secret: Command): void {
  secret
    .command('set <name>')
    .description('store a version, read from standard input or a file; servers name it vault://<name>')
    .option('-f, --file <path>', 'file that holds it; - is standard input', '-')
    .option('--stage', 'store it without using it; `secret promote` uses it')
    .option('--expires <duration>', 'how long it is good at the upstream, e.g. 90d: you are warned before', duration)
    .option('--overlap <duration>', 'how long the version before can be taken back (1d); 0s erases it', duration)
    .addHelpText('after', '\nExample:\n  pass show acme-crm | hivekey secret set acme-crm-key')
    .action(
      online<[string], { file: string; stage?: boolean; expires?: number; overlap?: number }>(
        async ({ out, hivekey }, { file, stage, expires, overlap }, name) => {
          const body = {
            value: readText(file).replace(/\r?\n$/, ''),
            ...(stage === true ? { staged: true } : {}),
            ...(expires === undefined ? {} : { expires_at: Math.floor(Date.now() / 1000) + expires }),
            ...(overlap === undefined ? {} : { overlap_seconds: overlap }),
          };
          const kept = await hivekey.request<StoredSecret>('PUT', pathOf(name), { body });
          out.result(kept, () => said(kept));
          return undefined;
        },
      ),
    );
  secret
    .command('list')
    .description('names, versions and uses; never values')
    .action(
      online(async ({ out, hivekey }) => {
        out.table(await hivekey.all<StoredSecret>('/v1/secrets'), SECRETS, 'There are no stored credentials.');
        return undefined;
      }),
    );
  secret
    .command('get <name>')
    .description('its versions, what uses it, and which agents can reach it')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, name) => {
        const found = await hivekey.request<StoredSecret>('GET', pathOf(name));
        out.result(found, () => described(found));
        return undefined;
      }),
    );
  secret
    .command('test <name>')
    .description('open it and shake hands with what uses it; exit 3 if something failed')
    .option('--version <number>', 'a version that need not be current', wholeNumber)
    .action(
      online<[string], { version?: number }>(async ({ out, hivekey }, { version }, name) => {
        const body = version === undefined ? {} : { version };
        const tried = await hivekey.request<SecretTest>('POST', `${pathOf(name)}/test`, { body });
        out.result(tried, () =>
          [
            tried.opened
              ? `${MARKS.ok} version ${tried.version} opens`
              : `${MARKS.failed} version ${tried.version}: ${printable(tried.error ?? '')}`,
            ...tried.connections.map(
              ({ name: user, state, error }) =>
                `${MARKS[state]} ${user}${error === null ? '' : `: ${printable(error)}`}`,
            ),
          ].join('\n'),
        );
        const isFine = tried.opened && tried.connections.every(({ state }) => state !== 'failed');
        return isFine ? EXIT.done : EXIT.checkFailed;
      }),
    );
  secret
    .command('remove <name>')
    .description('erase all versions, once nothing names it')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, name) => {
        const removed = await hivekey.request<object>('DELETE', pathOf(name));
        out.result(removed, () => `vault://${name} is erased.`);
        return undefined;
      }),
    );
}

function addVersions(secret: Command): void {
  secret
    .command('promote <name> <version>')
    .description('use a staged version, or take the previous one back')
    .option('--overlap <duration>', 'how long what it replaces can be taken back (1d); 0s erases it', duration)
    .action(
      online<[string, string], { overlap?: number }>(async ({ out, hivekey }, { overlap }, name, version) => {
        const body = overlap === undefined ? {} : { overlap_seconds: overlap };
        const path = `${pathOf(name)}/versions/${wholeNumber(version)}/promote`;
        const kept = await hivekey.request<StoredSecret>('POST', path, { body });
        out.result(kept, () => said(kept));
        return undefined;
      }),
    );
  secret
    .command('retire <name> <version>')
    .description('erase a version that is not used')
    .action(
      online<[string, string], object>(async ({ out, hivekey }, _, name, version) => {
        const path = `${pathOf(name)}/versions/${wholeNumber(version)}/retire`;
        const kept = await hivekey.request<StoredSecret>('POST', path);
        out.result(kept, () => said(kept));
        return undefined;
      }),
    );
}

function keysSaid({ keys, rewrap }: EncryptionKeys): string {
  const lines = keys.map(
    ({ reference, state, versions }) => `${state.padEnd(8)}  ${printable(reference)} · ${versions} versions`,
  );
  if (rewrap === null) return lines.join('\n');
  const failed = rewrap.last_error === null ? '' : ` · ${rewrap.failed} failed, first ${printable(rewrap.last_error)}`;
  return [...lines, `rewrap ${rewrap.state}: ${rewrap.done} of ${rewrap.total}${failed}`].join('\n');
}

function addKeys(secret: Command): void {
  secret
    .command('keys')
    .description('key-encryption keys, and what stands under each')
    .action(
      online(async ({ out, hivekey }) => {
        const keys = await hivekey.request<EncryptionKeys>('GET', '/v1/secrets/keys');
        out.result(keys, () => keysSaid(keys));
        return undefined;
      }),
    );
  secret
    .command('rewrap')
    .description(
      'put everything under another key-encryption key, or the newest version of the same; exit 3 if something failed',
    )
    .option('--key <reference>', 'derived, file://…, env://…, transit://MOUNT/KEY, aws-kms://KEY or gcp-kms://NAME')
    .action(
      online<[], { key?: string }>(async ({ out, hivekey }, { key }) => {
        let keys = await hivekey.request<EncryptionKeys>('POST', '/v1/secrets/rewrap', {
          body: key === undefined ? {} : { key },
        });
        while (keys.rewrap?.state === 'running') {
          await sleep(POLL_MS);
          keys = await hivekey.request<EncryptionKeys>('GET', '/v1/secrets/keys');
        }
        const done = keys;
        out.result(done, () => keysSaid(done));
        return done.rewrap?.state === 'failed' ? EXIT.checkFailed : EXIT.done;
      }),
    );
}
