/** role, guards, capability: what agents may do. */
import {
  type Checked,
  parseCapabilityFile,
  parseRoleFile,
  parseSourcesFile,
  parseWorkspaceGuardsFile,
} from '@hivekey/policy';
import type { Capability, Guard, Role, Sources } from '@hivekey/sdk';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { filesOf } from '../documents.ts';
import { DocumentError } from '../exit.ts';
import { type Columns, paint, when } from '../output.ts';
import { online, type Run } from '../run.ts';
import { readText, repeated, wholeNumber } from '../values.ts';

const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;

/** What the files hold, checked here first so that problems name file, line and column. */
function readFiles<T>(paths: readonly string[], parse: (text: string) => Checked<T[]>): T[] {
  return paths.flatMap(filesOf).flatMap((path) => {
    const parsed = parse(readText(path));
    if (parsed.ok) return parsed.value;
    throw new DocumentError(path, parsed.problems);
  });
}

async function applyRoles({ out, hivekey }: Run, files: readonly string[], dryRun: boolean): Promise<undefined> {
  for (const document of readFiles(files, parseRoleFile)) {
    const { name } = document.metadata;
    if (dryRun) {
      await hivekey.request('POST', '/v1/policies/check', { body: { document: JSON.stringify(document) } });
      out.line({ name, change: 'none' }, () => `Role ${name} can be applied.`);
      continue;
    }
    const path = `/v1/roles/${encodeURIComponent(name)}`;
    const role = await hivekey.request<Role>('PUT', path, { body: document });
    out.line(
      role,
      () =>
        `Role ${role.name} ${role.change ?? 'applied'} · rev ${role.revision} · ${plural(role.allow.length, 'grant')}`,
    );
  }
  return undefined;
}

const ROLES: Columns<Role> = {
  name: ({ name }) => name,
  rev: ({ revision }) => String(revision),
  grants: ({ allow }) => String(allow.length),
  guards: ({ guards }) => String(guards.length),
  agents: ({ agents }) => String(agents),
  updated: ({ updated_at }) => when(updated_at),
  by: ({ author }) => author,
};

interface Matrix {
  readonly roles: readonly {
    readonly name: string;
    readonly allow: readonly string[];
    readonly guarded: Readonly<Record<string, readonly string[]>>;
  }[];
  readonly capabilities: readonly { readonly name: string; readonly access: string; readonly stopped: boolean }[];
}

function addRoleCommands(program: Command): void {
  const role = program.command('role').description('roles: apply, list, get, matrix');
  role
    .command('apply')
    .description('create roles or publish new revisions from files; binds every wearer on its next action')
    .requiredOption('-f, --file <path>', 'file, folder or -; repeatable', repeated)
    .option('--dry-run', 'check only')
    .addHelpText(
      'after',
      '\nExamples:\n  hivekey role apply -f support-agent.yaml\n  hivekey role apply -f examples/policy-as-code/roles',
    )
    .action(
      online<[], { file: string[]; dryRun?: boolean }>((run, { file, dryRun }) =>
        applyRoles(run, file, dryRun === true),
      ),
    );
  role
    .command('list')
    .description('all roles')
    .action(
      online(async ({ out, hivekey }) => {
        const roles = await hivekey.all<Role>('/v1/roles');
        out.table(roles, ROLES, 'There are no roles. Apply one: hivekey role apply -f FILE');
        return undefined;
      }),
    );
  role
    .command('get <name>')
    .description('a role as the file it came from, with its guards as sentences')
    .option('--revision <n>', 'an earlier revision', wholeNumber)
    .action(
      online<[string], { revision?: number }>(async ({ out, hivekey }, { revision }, name) => {
        const found = await hivekey.request<Role>('GET', `/v1/roles/${encodeURIComponent(name)}`, {
          query: { revision },
        });
        out.result(found, () => {
          const sentences = found.guards.map(({ sentence }, i) => paint('dim', `# R${i + 1} ${sentence}`));
          const head = paint(
            'dim',
            `# rev ${found.revision} · ${when(found.updated_at)} by ${found.author} · ${plural(found.agents, 'agent')}`,
          );
          return [head, ...sentences, stringify(found.document).trimEnd()].join('\n');
        });
        return undefined;
      }),
    );
  role
    .command('revisions <name>')
    .description('every revision it ever had')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, name) => {
        const revisions = await hivekey.all<Role>(`/v1/roles/${encodeURIComponent(name)}/revisions`);
        const columns: Columns<Role> = {
          rev: ({ revision }) => String(revision),
          published: ({ updated_at }) => when(updated_at),
          by: ({ author }) => author,
        };
        out.table(revisions, columns, 'There are no revisions.');
        return undefined;
      }),
    );
  role
    .command('matrix')
    .description('roles by capabilities: ● granted, ◐ granted under guards')
    .action(
      online(async ({ out, hivekey }) => {
        const matrix = await hivekey.request<Matrix>('GET', '/v1/matrix');
        type Row = Matrix['capabilities'][number];
        const columns: Record<string, (row: Row) => string> = {
          capability: ({ name, stopped }) => (stopped ? `${name} (stopped)` : name),
          access: ({ access }) => access,
        };
        for (const { name, allow, guarded } of matrix.roles) {
          const granted = new Set(allow);
          columns[name] = (row) => (granted.has(row.name) ? (Object.hasOwn(guarded, row.name) ? '◐' : '●') : '');
        }
        if (out.json) out.result(matrix, () => '');
        else out.table(matrix.capabilities, columns, 'There are no capabilities yet.');
        return undefined;
      }),
    );
}

function addGuardCommands(program: Command): void {
  const guards = program.command('guards').description('guards that apply to every agent of the workspace');
  guards
    .command('get')
    .description('the guards in force')
    .action(
      online(async ({ out, hivekey }) => {
        const found = await hivekey.request<{ guards: readonly Guard[] }>('GET', '/v1/workspace/guards');
        out.result(
          found,
          () => found.guards.map(({ sentence }, i) => `W${i + 1} ${sentence}`).join('\n') || 'There are none.',
        );
        return undefined;
      }),
    );
  guards
    .command('apply')
    .description('replace them with those of a file (`guards: […]`)')
    .requiredOption('-f, --file <path>', 'file or -')
    .action(
      online<[], { file: string }>(async ({ out, hivekey }, { file }) => {
        const parsed = parseWorkspaceGuardsFile(readText(file));
        if (!parsed.ok) throw new DocumentError(file, parsed.problems);
        const body = { guards: parsed.value.guards };
        const applied = await hivekey.request<{ revision: number; guards: readonly Guard[] }>(
          'PUT',
          '/v1/workspace/guards',
          { body },
        );
        out.result(
          applied,
          () => `Workspace guards · rev ${applied.revision} · ${plural(applied.guards.length, 'guard')}`,
        );
        return undefined;
      }),
    );
}

function addSourceCommands(program: Command): void {
  const sources = program.command('sources').description('whose content is trusted, for guards on provenance');
  sources
    .command('get')
    .description('the marks in force')
    .action(
      online(async ({ out, hivekey }) => {
        const found = await hivekey.request<Sources>('GET', '/v1/workspace/sources');
        const { trusted, untrusted, unmarked } = found;
        out.result(found, () => stringify({ trusted, untrusted, unmarked }).trimEnd());
        return undefined;
      }),
    );
  sources
    .command('apply')
    .description('replace them with those of a file')
    .requiredOption('-f, --file <path>', 'file or -')
    .action(
      online<[], { file: string }>(async ({ out, hivekey }, { file }) => {
        const parsed = parseSourcesFile(readText(file));
        if (!parsed.ok) throw new DocumentError(file, parsed.problems);
        const applied = await hivekey.request<Sources>('PUT', '/v1/workspace/sources', { body: parsed.value });
        const { revision, trusted, untrusted, unmarked } = applied;
        const marks = `${trusted.length} trusted · ${untrusted.length} untrusted · the rest ${unmarked}`;
        out.result(applied, () => `Sources · rev ${revision} · ${marks}`);
        return undefined;
      }),
    );
}

const CAPABILITIES: Columns<Capability> = {
  name: ({ name }) => name,
  access: ({ access, destructive }) => (destructive ? `${access}, destructive` : access),
  source: ({ source }) => source,
  roles: ({ roles }) => roles.join(', '),
  description: ({ description }) => description,
};

function addCapabilityCommands(program: Command): void {
  const capability = program.command('capability').description('capabilities: what can be granted');
  capability
    .command('apply')
    .description('declare the tools an agent runs itself, and impact units; MCP tools come with their server')
    .requiredOption('-f, --file <path>', 'file, folder or -; repeatable', repeated)
    .action(
      online<[], { file: string[] }>(async ({ out, hivekey }, { file }) => {
        for (const { name, inputSchema, ...rest } of readFiles(file, parseCapabilityFile)) {
          const path = `/v1/capabilities/${encodeURIComponent(name)}`;
          const body = { ...rest, ...(inputSchema === undefined ? {} : { input_schema: inputSchema }) };
          const made = await hivekey.request<Capability>('PUT', path, { body });
          out.line(made, () => `Capability ${made.name} · ${made.access}`);
        }
        return undefined;
      }),
    );
  capability
    .command('list')
    .description('all capabilities')
    .action(
      online(async ({ out, hivekey }) => {
        const all = await hivekey.all<Capability>('/v1/capabilities');
        out.table(
          all,
          CAPABILITIES,
          'There are none. Add an MCP server, or apply a file: hivekey capability apply -f FILE',
        );
        return undefined;
      }),
    );
  capability
    .command('get <name>')
    .description('one capability, as the file it could be applied from')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, name) => {
        const found = await hivekey.request<Capability>('GET', `/v1/capabilities/${encodeURIComponent(name)}`);
        out.result(found, () => stringify(found).trimEnd());
        return undefined;
      }),
    );
}

export function addPolicyObjectCommands(program: Command): void {
  addRoleCommands(program);
  addGuardCommands(program);
  addSourceCommands(program);
  addCapabilityCommands(program);
}
