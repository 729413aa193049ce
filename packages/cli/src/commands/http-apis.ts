/** http-api: REST APIs behind the gateway. */
import type { HttpApi, HttpOperation } from '@hivekey/sdk';
import type { Command } from 'commander';
import { UsageError } from '../exit.ts';
import { type Columns, printable, stateLabel, when } from '../output.ts';
import { online, type Run } from '../run.ts';
import { jsonArgument, readText } from '../values.ts';

interface Imported {
  readonly operations: number;
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly gone: readonly string[];
}

const pathOf = (api: string): string => `/v1/http/apis/${encodeURIComponent(api)}`;
const operationPath = (api: string, capability: string): string =>
  `${pathOf(api)}/operations/${encodeURIComponent(capability)}`;

const APIS: Columns<HttpApi> = {
  namespace: ({ namespace }) => namespace,
  status: ({ status }) => stateLabel(status),
  live: ({ operations }) => String(operations.live),
  waiting: ({ operations }) => String(operations.new + operations.changed),
  off: ({ operations }) => String(operations.off),
  at: ({ endpoint }) => endpoint,
};

const OPERATIONS: Columns<HttpOperation> = {
  capability: ({ capability }) => capability,
  method: ({ method }) => method,
  path: ({ path }) => printable(path),
  access: ({ access }) => access,
  status: ({ status, problem }) => (problem === null ? stateLabel(status) : `unusable: ${problem}`),
};

interface AddOptions {
  readonly endpoint: string;
  readonly file?: string;
  readonly credential?: string;
  readonly injection?: string;
  readonly header?: string;
  readonly format?: string;
  readonly defaultAccess?: string;
  readonly allowPrivate?: boolean;
}

function registrationOf(namespace: string, options: AddOptions): Record<string, unknown> {
  const { endpoint, credential, header, format, injection, defaultAccess, allowPrivate } = options;
  return {
    namespace,
    endpoint,
    ...(credential === undefined ? {} : { credential_ref: credential }),
    ...(header === undefined ? {} : { injection: { header, ...(format === undefined ? {} : { format }) } }),
    ...(injection === undefined ? {} : { injection: jsonArgument(injection) }),
    ...(defaultAccess === undefined ? {} : { default_access: defaultAccess }),
    ...(allowPrivate === true ? { allow_private: true } : {}),
  };
}

/** As text: a document may be larger than what is read as JSON. */
function importFrom({ hivekey }: Run, api: string, file: string): Promise<Imported> {
  return hivekey.request<Imported>('PUT', `${pathOf(api)}/document`, {
    body: readText(file),
    contentType: 'application/yaml',
  });
}

function importWords(api: string, { operations, added, changed, gone }: Imported): string {
  return `${operations} operations · ${added.length} new, ${changed.length} changed, ${gone.length} gone\nSee them: hivekey http-api definitions ${api}`;
}

async function approve(
  { out, hivekey }: Run,
  api: string,
  names: readonly string[],
  options: { all?: boolean; access?: string },
): Promise<void> {
  const operations = await hivekey.all<HttpOperation>(`${pathOf(api)}/operations`);
  const unknown = names.filter((name) => !operations.some(({ capability }) => capability === name));
  if (unknown.length > 0)
    throw new UsageError(`${api} has no ${unknown.join(', ')}.`, `See hivekey http-api definitions ${api}`);
  const wanted = operations.filter(({ capability, status, problem }) =>
    options.all === true ? problem === null && status !== 'live' && status !== 'gone' : names.includes(capability),
  );
  for (const { capability, pin } of wanted) {
    const body = { pin, ...(options.access === undefined ? {} : { access: options.access }) };
    const approved = await hivekey.request<HttpOperation>('POST', `${operationPath(api, capability)}/approve`, {
      body,
    });
    out.line(approved, () => `${approved.capability} · ${approved.access} · ${stateLabel(approved.status)}`);
  }
  if (wanted.length === 0) out.note('Nothing waits for approval.');
}

export function addHttpApiCommands(program: Command): void {
  const api = program.command('http-api').description('REST APIs behind the gateway: add, list, approve');
  api
    .command('add <namespace>')
    .description('register an API; its operations are named <namespace>.*, off, and granted to nobody')
    .requiredOption('--endpoint <url>', 'base address; the paths of the document follow it')
    .option('-f, --file <path>', 'its OpenAPI 3.0 or 3.1 document, JSON or YAML; - is standard input')
    .option('--credential <ref>', 'vault://NAME, env://NAME or file://NAME; the agent never sees it')
    .option('--header <name>', 'header that carries the credential (default Authorization)')
    .option('--format <text>', 'its value, with {secret} (default "Bearer {secret}")')
    .option('--injection <json>', 'how it is sent otherwise: {"query": …}, {"basic": …} or {"oauth": …}')
    .option('--default-access <access>', 'read-only, read-write or none: what becomes available to grant at once')
    .option('--allow-private', 'allow loopback and private addresses for this API')
    .addHelpText(
      'after',
      '\nExample:\n  hivekey http-api add shop --endpoint https://shop.internal.acme.example/api -f shop.yaml --credential vault://shop-key',
    )
    .action(
      online<[string], AddOptions>(async (run, options, namespace) => {
        const { out, hivekey } = run;
        const made = await hivekey.request<HttpApi>('POST', '/v1/http/apis', {
          body: registrationOf(namespace, options),
        });
        const imported = options.file === undefined ? undefined : await importFrom(run, namespace, options.file);
        out.result(
          { ...made, ...(imported === undefined ? {} : { imported }) },
          () =>
            `Registered ${namespace}. Agents call it at ${made.base_path}\n${imported === undefined ? `Give it its document: hivekey http-api refresh ${namespace} -f FILE` : importWords(namespace, imported)}`,
        );
        return undefined;
      }),
    );
  api
    .command('list')
    .description('all APIs')
    .action(
      online(async ({ out, hivekey }) => {
        const apis = await hivekey.all<HttpApi>('/v1/http/apis');
        out.table(apis, APIS, 'There are no HTTP APIs. Add one: hivekey http-api add NAMESPACE …');
        return undefined;
      }),
    );
  api
    .command('get <api>')
    .description('one API')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, name) => {
        const found = await hivekey.request<HttpApi>('GET', pathOf(name));
        const { document } = found;
        out.result(found, () =>
          [
            `${found.namespace} (${found.id}) · ${stateLabel(found.status)}`,
            `agents call    ${found.base_path}`,
            `reached at     ${found.endpoint}`,
            `credential     ${found.credential_ref ?? 'none'} · ${found.custody}${found.credential_error === null ? '' : ` · refused: ${printable(found.credential_error)}`}`,
            `document       ${document === null ? 'none yet' : `${printable(document.title)} ${printable(document.version)}, read ${when(document.imported)}`}`,
            `operations     ${Object.entries(found.operations)
              .map(([status, count]) => `${count} ${status}`)
              .join(', ')}`,
          ].join('\n'),
        );
        return undefined;
      }),
    );
  api
    .command('refresh <api>')
    .description('read a document in place of the one before; what changed is suspended until it is approved')
    .requiredOption('-f, --file <path>', 'OpenAPI 3.0 or 3.1, JSON or YAML; - is standard input')
    .action(
      online<[string], { file: string }>(async (run, { file }, name) => {
        const imported = await importFrom(run, name, file);
        run.out.result(imported, () => importWords(name, imported));
        return undefined;
      }),
    );
  api
    .command('definitions <api>')
    .description('its operations, and which of them are available to grant')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, name) => {
        out.table(
          await hivekey.all<HttpOperation>(`${pathOf(name)}/operations`),
          OPERATIONS,
          `${name} has no operations.`,
        );
        return undefined;
      }),
    );
  api
    .command('approve <api> [capability...]')
    .description('make operations available to grant, exactly as they were last read')
    .option('--all', 'every operation that is not live')
    .option('--access <access>', 'read or write: what it does, whatever its method says')
    .action(
      online<[string, string[]], { all?: boolean; access?: string }>(async (run, options, name, names) => {
        if (names.length === 0 && options.all !== true)
          throw new UsageError(
            'Nothing is named to approve.',
            `Name capabilities, or --all; see hivekey http-api definitions ${name}`,
          );
        await approve(run, name, names, options);
        return undefined;
      }),
    );
  api
    .command('off <api> <capability...>')
    .description('switch operations off')
    .action(
      online<[string, string[]], object>(async ({ out, hivekey }, _, name, names) => {
        for (const capability of names) {
          const off = await hivekey.request<HttpOperation>('POST', `${operationPath(name, capability)}/off`);
          out.line(off, () => `${off.capability} · ${off.status}`);
        }
        return undefined;
      }),
    );
  for (const act of ['enable', 'disable'] as const)
    api
      .command(`${act} <api>`)
      .description({ enable: 'use it again', disable: 'take it out of use' }[act])
      .action(
        online<[string], object>(async ({ out, hivekey }, _, name) => {
          const answer = await hivekey.request<HttpApi>('POST', `${pathOf(name)}/${act}`);
          out.result(answer, () => `HTTP API ${name} is ${answer.status}.`);
          return undefined;
        }),
      );
  api
    .command('remove <api>')
    .description('remove an API with its operations')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, name) => {
        const removed = await hivekey.request<HttpApi>('DELETE', pathOf(name));
        out.result(removed, () => `HTTP API ${removed.namespace} is removed.`);
        return undefined;
      }),
    );
}
