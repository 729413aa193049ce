/** token: how an agent proves who it is. key: how a person or pipeline manages HiveKey. */
import { HiveKeyError, type Key, type Token } from '@hivekey/sdk';
import type { Command } from 'commander';
import { readDocuments, textField } from '../documents.ts';
import { type Columns, stateLabel, when } from '../output.ts';
import { online, type Run } from '../run.ts';
import { duration, repeated } from '../values.ts';

const SHARED = {
  status: ({ status }: Token | Key) => stateLabel(status),
  ends: ({ expires_at }: Token | Key) => when(expires_at),
  'last use': ({ last_used_at }: Token | Key) => when(last_used_at),
  last4: ({ last4 }: Token | Key) => `…${last4}`,
  id: ({ id }: Token | Key) => id,
};
const TOKENS: Columns<Token> = { agent: ({ agent }) => agent, name: ({ name }) => name, ...SHARED };
const KEYS: Columns<Key> = { name: ({ name }) => name, person: ({ person }) => person ?? '–', ...SHARED };

/** The secret alone on standard output, so that it can be piped; the words beside it on standard error. */
function showOnce({ out }: Run, made: Token | Key, words: string): void {
  const secret = made.object === 'token' ? made.token : made.key;
  if (secret === undefined)
    throw new HiveKeyError(200, { code: 'no_secret', cause: 'The server showed no credential.', remedy: '' });
  out.note(`${words} It is shown this once.`);
  out.result(made, () => secret);
}

interface Times {
  readonly expires?: number;
  readonly overlap?: number;
}

function timesOf({ expires, overlap }: Times): Record<string, number> {
  return {
    ...(expires === undefined ? {} : { expires_in_seconds: expires }),
    ...(overlap === undefined ? {} : { overlap_seconds: overlap }),
  };
}

async function mint(run: Run, body: Readonly<Record<string, unknown>>): Promise<void> {
  const made = await run.hivekey.request<Token>('POST', '/v1/tokens', { body });
  showOnce(run, made, `Token of ${made.agent}, ends ${when(made.expires_at)}.`);
}

/** A file is a wish: a live token of that agent and name. Minted only where there is none. */
async function applyTokens(run: Run, files: readonly string[]): Promise<undefined> {
  for (const document of readDocuments(files)) {
    const agent = textField(document, 'agent');
    const name = textField(document, 'name');
    const tokens = await run.hivekey.all<Token>('/v1/tokens', { agent });
    const live = tokens.find((token) => token.name === name && token.status === 'live');
    if (live === undefined) await mint(run, document.value);
    else
      run.out.line(
        { ...live, change: 'unchanged' },
        () => `Token ${name} of ${agent} is live until ${when(live.expires_at)}.`,
      );
  }
  return undefined;
}

function addCommon(group: Command, kind: 'tokens' | 'keys'): void {
  const path = (id: string, act: string): string => `/v1/${kind}/${encodeURIComponent(id)}/${act}`;
  const rotate = group
    .command('rotate <id>')
    .description('a new one; the old one lives on for the overlap')
    .option('--overlap <duration>', 'how long the old one lives on', duration, 3600)
    .option('--expires <duration>', 'life of the new one, e.g. 90d', duration);
  if (kind === 'keys') rotate.option('--person <email>', 'whose the new one is; as before unless given');
  rotate.action(
    online<[string], Times & { person?: string }>(async (run, options, id) => {
      const { person } = options;
      const body = { ...timesOf(options), ...(person === undefined ? {} : { person }) };
      const made = await run.hivekey.request<Token | Key>('POST', path(id, 'rotate'), { body });
      showOnce(run, made, `${made.id} replaces ${id}.`);
      return undefined;
    }),
  );
  group
    .command('revoke <id>')
    .description('end it now')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, id) => {
        const ended = await hivekey.request<Token | Key>('POST', path(id, 'revoke'));
        out.result(ended, () => `${ended.id} is ${ended.status}.`);
        return undefined;
      }),
    );
}

export function addCredentialCommands(program: Command): void {
  const token = program.command('token').description('agent tokens: create, list, rotate, revoke');
  token
    .command('create <agent>')
    .description('mint a token; it is printed once, alone on standard output')
    .option('--name <name>', 'what it is used by')
    .option('--role <role>', 'narrow it to one of the roles of the agent')
    .option('--expires <duration>', 'life, e.g. 12h or 90d (default 90d, at most 366d)', duration)
    .addHelpText('after', '\nExample:\n  HIVEKEY_TOKEN=$(hivekey token create helpdesk-bot --expires 30d)')
    .action(
      online<[string], Times & { name?: string; role?: string }>(async (run, { name, role, ...times }, agent) => {
        await mint(run, {
          agent,
          ...(name === undefined ? {} : { name }),
          ...(role === undefined ? {} : { role }),
          ...timesOf({ ...(times.expires === undefined ? {} : { expires: times.expires }) }),
        });
        return undefined;
      }),
    );
  token
    .command('apply')
    .description('mint the tokens that files ask for and that do not live yet')
    .requiredOption(
      '-f, --file <path>',
      'file with agent, name, and optionally role and expires_in_seconds; repeatable',
      repeated,
    )
    .action(online<[], { file: string[] }>((run, { file }) => applyTokens(run, file)));
  token
    .command('list [agent]')
    .description('tokens, of one agent or all')
    .action(
      online<[string | undefined], object>(async ({ out, hivekey }, _, agent) => {
        const tokens = await hivekey.all<Token>('/v1/tokens', { agent });
        out.table(tokens, TOKENS, 'There are no tokens. Mint one: hivekey token create AGENT');
        return undefined;
      }),
    );
  addCommon(token, 'tokens');

  const key = program.command('key').description('admin keys: create, list, rotate, revoke');
  key
    .command('create <name>')
    .description('make an admin key; it is printed once, alone on standard output')
    .option('--expires <duration>', 'life, e.g. 90d; without it the key does not end by itself', duration)
    .option('--person <email>', 'whose it is; only a key of a person decides about approvals')
    .option('--role <role>', 'what it may do, e.g. author; repeatable; without it everything', repeated)
    .action(
      online<[string], Times & { person?: string; role?: string[] }>(async (run, options, name) => {
        const { person, role: roles } = options;
        const body = {
          name,
          ...timesOf(options),
          ...(person === undefined ? {} : { person }),
          ...(roles === undefined ? {} : { roles }),
        };
        const made = await run.hivekey.request<Key>('POST', '/v1/keys', { body });
        showOnce(run, made, `Admin key ${made.name}.`);
        return undefined;
      }),
    );
  key
    .command('list')
    .description('admin keys')
    .action(
      online(async ({ out, hivekey }) => {
        out.table(await hivekey.all<Key>('/v1/keys'), KEYS, 'There are no admin keys.');
        return undefined;
      }),
    );
  addCommon(key, 'keys');
}
