/** mcp-server: what stands behind the gateway. */
import { HiveKeyError } from '@hivekey/sdk';
import type { Command } from 'commander';
import { readDocuments, type TextDocument, textField } from '../documents.ts';
import { UsageError } from '../exit.ts';
import { type Columns, printable, stateLabel, when } from '../output.ts';
import { online, type Run } from '../run.ts';
import { jsonArgument, pair, repeated } from '../values.ts';

interface Server {
  readonly id: string;
  readonly namespace: string;
  readonly transport: 'http' | 'stdio';
  readonly endpoint: string | null;
  readonly command: readonly string[] | null;
  readonly era: string | null;
  readonly status: string;
  readonly discovered: number;
  readonly discovered_at: number | null;
  readonly definitions: Readonly<Record<string, number>>;
  readonly instructions: { readonly status: string; readonly text: string | null; readonly pin: string | null };
  readonly last_error: string | null;
}

interface Definition {
  readonly capability: string;
  readonly kind: string;
  readonly upstream_name: string;
  readonly access: string;
  readonly status: string;
  readonly pin: string;
  readonly problem: string | null;
}

const pathOf = (server: string): string => `/v1/mcp/servers/${encodeURIComponent(server)}`;

const SERVERS: Columns<Server> = {
  namespace: ({ namespace }) => namespace,
  status: ({ status, last_error }) => (last_error === null ? stateLabel(status) : 'unreachable'),
  live: ({ definitions }) => String(definitions.live ?? 0),
  waiting: ({ definitions }) => String((definitions.new ?? 0) + (definitions.changed ?? 0)),
  era: ({ era }) => era ?? '–',
  at: ({ endpoint, command }) => endpoint ?? command?.join(' ') ?? '',
};

function said(server: Server): string {
  if (server.last_error !== null)
    return `Registered ${server.namespace}, but its lists could not be read: ${printable(server.last_error)}\nTry again: hivekey mcp-server refresh ${server.namespace}`;
  const { live = 0, ...others } = server.definitions;
  const waiting = (others.new ?? 0) + (others.changed ?? 0) + (others.off ?? 0);
  return `Discovered ${server.discovered} tools · namespaced as ${server.namespace}.*\n${live} available to grant, ${waiting} off. See them: hivekey mcp-server definitions ${server.namespace}`;
}

interface AddOptions {
  readonly endpoint?: string;
  readonly credential?: string;
  readonly header?: string;
  readonly format?: string;
  readonly injection?: string;
  readonly credentialEnv?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly defaultAccess?: string;
  readonly trustAnnotations?: boolean;
  readonly allowPrivate?: boolean;
}

function injectionOf({ header, format, injection, credentialEnv }: AddOptions): { injection?: unknown } {
  if (injection !== undefined) return { injection: jsonArgument(injection) };
  if (header !== undefined) return { injection: { header, ...(format === undefined ? {} : { format }) } };
  return credentialEnv === undefined ? {} : { injection: { env: credentialEnv } };
}

function registrationOf(namespace: string, command: readonly string[], options: AddOptions): Record<string, unknown> {
  const { endpoint, credential, env, defaultAccess, trustAnnotations, allowPrivate } = options;
  if ((endpoint === undefined) === (command.length === 0))
    throw new UsageError(
      'A server is reached by --endpoint URL or by a command after --, one of the two.',
      'E.g. hivekey mcp-server add everything -- npx mcp-server-everything stdio',
    );
  return {
    namespace,
    ...(endpoint === undefined ? { command } : { endpoint }),
    ...(credential === undefined ? {} : { credential_ref: credential }),
    ...injectionOf(options),
    ...(env === undefined ? {} : { environment: env }),
    ...(defaultAccess === undefined ? {} : { default_access: defaultAccess }),
    ...(trustAnnotations === true ? { trust_annotations: true } : {}),
    ...(allowPrivate === true ? { allow_private: true } : {}),
  };
}

/** A file is a registration (endpoint or command) or a server map (tools); a new namespace needs the first. */
async function applyServer({ out, hivekey }: Run, document: TextDocument): Promise<void> {
  const namespace = textField(document, 'namespace');
  const { endpoint, command, tools, default_access: access, ...rest } = document.value;
  const exists = await hivekey.request<Server>('GET', pathOf(namespace)).then(
    () => true,
    (error: unknown) => {
      if (error instanceof HiveKeyError && error.code === 'server_not_found') return false;
      throw error;
    },
  );
  let server: Server;
  if (!exists) server = await hivekey.request<Server>('POST', '/v1/mcp/servers', { body: document.value });
  else {
    const { namespace: _, ...settings } = rest;
    const change = {
      ...settings,
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(command === undefined ? {} : { command }),
      ...(access === undefined || tools !== undefined ? {} : { default_access: access }),
    };
    server = await hivekey.request<Server>('PATCH', pathOf(namespace), { body: change });
    if (tools !== undefined)
      server = await hivekey.request<Server>('PUT', `${pathOf(namespace)}/map`, {
        body: { namespace, default_access: access ?? 'read-only', tools },
      });
  }
  out.line({ ...server, change: exists ? 'updated' : 'created' }, () =>
    exists ? `MCP server ${namespace} updated · ${server.definitions.live ?? 0} available to grant` : said(server),
  );
}

async function approve(
  run: Run,
  server: string,
  names: readonly string[],
  options: { all?: boolean; access?: string },
) {
  const { out, hivekey } = run;
  const definitions = await hivekey.all<Definition>(`${pathOf(server)}/definitions`);
  const unknown = names.filter((name) => !definitions.some(({ capability }) => capability === name));
  if (unknown.length > 0)
    throw new UsageError(`${server} has no ${unknown.join(', ')}.`, `See hivekey mcp-server definitions ${server}`);
  const wanted = definitions.filter(({ capability, status, problem }) =>
    options.all === true ? problem === null && status !== 'live' && status !== 'gone' : names.includes(capability),
  );
  for (const { capability, pin } of wanted) {
    const body = { pin, ...(options.access === undefined ? {} : { access: options.access }) };
    const path = `${pathOf(server)}/definitions/${encodeURIComponent(capability)}/approve`;
    const approved = await hivekey.request<Definition>('POST', path, { body });
    out.line(approved, () => `${approved.capability} · ${approved.access} · ${stateLabel(approved.status)}`);
  }
  if (wanted.length === 0) out.note('Nothing waits for approval.');
}

export function addServerCommands(program: Command): void {
  const server = program.command('mcp-server').description('MCP servers behind the gateway: add, apply, list, approve');
  server
    .command('add <namespace> [command...]')
    .description('register a server; its tools are named <namespace>.*, and granted to nobody')
    .option('--endpoint <url>', 'Streamable HTTP endpoint')
    .option('--credential <ref>', 'vault://NAME, env://NAME or file://NAME; the agent never sees it')
    .option('--header <name>', 'header that carries the credential (default Authorization)')
    .option('--format <text>', 'its value, with {secret} (default "Bearer {secret}")')
    .option('--injection <json>', 'how it is sent otherwise: {"query": …}, {"basic": …} or {"oauth": …}')
    .option('--credential-env <name>', 'variable of a stdio server that carries the credential')
    .option('--env <name=value>', 'plain variable of a stdio server; repeatable', pair)
    .option('--default-access <access>', 'read-only, read-write or none: what becomes available to grant at once')
    .option('--trust-annotations', "believe the server's readOnlyHint and destructiveHint")
    .option('--allow-private', 'allow loopback and private addresses for this server')
    .addHelpText(
      'after',
      '\nExamples:\n  hivekey mcp-server add everything --trust-annotations -- npx mcp-server-everything stdio\n  hivekey mcp-server add crm --endpoint https://mcp.internal.acme.example --credential vault://acme-crm-key',
    )
    .action(
      online<[string, string[]], AddOptions>(async ({ out, hivekey }, options, namespace, command) => {
        const body = registrationOf(namespace, command, options);
        const made = await hivekey.request<Server>('POST', '/v1/mcp/servers', { body });
        out.result(made, () => said(made));
        return undefined;
      }),
    );
  server
    .command('apply')
    .description(
      'register or change servers from files: registrations, or server maps (namespace, default_access, tools)',
    )
    .requiredOption('-f, --file <path>', 'file, folder or -; repeatable', repeated)
    .action(
      online<[], { file: string[] }>(async (run, { file }) => {
        for (const document of readDocuments(file)) await applyServer(run, document);
        return undefined;
      }),
    );
  server
    .command('list')
    .description('all servers')
    .action(
      online(async ({ out, hivekey }) => {
        const servers = await hivekey.all<Server>('/v1/mcp/servers');
        out.table(servers, SERVERS, 'There are no MCP servers. Add one: hivekey mcp-server add NAMESPACE …');
        return undefined;
      }),
    );
  server
    .command('get <server>')
    .description('one server, with what it says of itself')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, name) => {
        const found = await hivekey.request<Server>('GET', pathOf(name));
        out.result(found, () =>
          [
            `${found.namespace} (${found.id}) · ${stateLabel(found.status)} · ${found.era ?? 'era not known yet'}`,
            `reached by     ${found.endpoint ?? found.command?.join(' ') ?? ''}`,
            `definitions    ${Object.entries(found.definitions)
              .map(([status, count]) => `${count} ${status}`)
              .join(', ')}`,
            `lists read     ${found.discovered_at === null ? 'never' : when(found.discovered_at)}`,
            ...(found.last_error === null ? [] : [`last error     ${printable(found.last_error)}`]),
            `instructions   ${found.instructions.status}${found.instructions.text === null ? '' : `\n${printable(found.instructions.text)}`}`,
          ].join('\n'),
        );
        return undefined;
      }),
    );
  server
    .command('map <server>')
    .description('its server map (MCP config file)')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, name) => {
        const map = await hivekey.request<unknown>('GET', `${pathOf(name)}/map`);
        const { stringify } = await import('yaml');
        out.result(map, () => stringify(map).trimEnd());
        return undefined;
      }),
    );
  for (const act of ['refresh', 'enable', 'disable'] as const)
    server
      .command(`${act} <server>`)
      .description({ refresh: 'read its lists now', enable: 'use it again', disable: 'take it out of use' }[act])
      .action(
        online<[string], object>(async ({ out, hivekey }, _, name) => {
          const answer = await hivekey.request<unknown>('POST', `${pathOf(name)}/${act}`);
          out.result(answer, () => `MCP server ${name}: ${act} done.`);
          return undefined;
        }),
      );
  server
    .command('definitions <server>')
    .description('its tools, resources and prompts, and which of them are available to grant')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, name) => {
        const columns: Columns<Definition> = {
          capability: ({ capability }) => capability,
          kind: ({ kind }) => kind,
          access: ({ access }) => access,
          status: ({ status, problem }) => (problem === null ? stateLabel(status) : `unusable: ${problem}`),
          upstream: ({ upstream_name }) => upstream_name,
        };
        out.table(await hivekey.all<Definition>(`${pathOf(name)}/definitions`), columns, `${name} offers nothing.`);
        return undefined;
      }),
    );
  server
    .command('approve <server> [capability...]')
    .description('make definitions available to grant, exactly as they were last seen')
    .option('--all', 'every definition that waits')
    .option('--access <access>', 'read or write: what it does, whatever the server says')
    .action(
      online<[string, string[]], { all?: boolean; access?: string }>(async (run, options, name, names) => {
        if (names.length === 0 && options.all !== true)
          throw new UsageError(
            'Nothing is named to approve.',
            `Name capabilities, or --all; see hivekey mcp-server definitions ${name}`,
          );
        await approve(run, name, names, options);
        return undefined;
      }),
    );
  server
    .command('off <server> <capability...>')
    .description('switch definitions off')
    .action(
      online<[string, string[]], object>(async ({ out, hivekey }, _, name, names) => {
        for (const capability of names) {
          const path = `${pathOf(name)}/definitions/${encodeURIComponent(capability)}/off`;
          const off = await hivekey.request<Definition>('POST', path);
          out.line(off, () => `${off.capability} · ${off.status}`);
        }
        return undefined;
      }),
    );
  server
    .command('approve-instructions <server>')
    .description('let the instructions of the server reach models, exactly as last seen (see `mcp-server get`)')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, name) => {
        const { instructions } = await hivekey.request<Server>('GET', pathOf(name));
        if (instructions.pin === null)
          throw new UsageError(`${name} has no instructions.`, 'There is nothing to approve.');
        const body = { pin: instructions.pin };
        const answer = await hivekey.request<Server>('POST', `${pathOf(name)}/instructions/approve`, { body });
        out.result(answer, () => `The instructions of ${name} are ${answer.instructions.status}.`);
        return undefined;
      }),
    );
}
