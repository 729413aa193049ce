/** agent: who acts. */
import type { Agent, VisibleTool } from '@hivekey/sdk';
import { HiveKeyError } from '@hivekey/sdk';
import type { Command } from 'commander';
import { readDocuments, textField } from '../documents.ts';
import { type Columns, stateLabel, when } from '../output.ts';
import { online, type Run } from '../run.ts';
import { pair, repeated } from '../values.ts';
import { addAgentLifeCommands, lifeOf, type Made, madeOf, withMade } from './agent-life.ts';

const COLUMNS: Columns<Agent> = {
  name: ({ name }) => name,
  status: ({ status }) => stateLabel(status),
  roles: ({ roles }) => roles.join(', '),
  owner: ({ owner }) => owner,
  'last action': ({ last_action_at }) => when(last_action_at),
  id: ({ id }) => id,
};

function describe(agent: Agent): string {
  const lines: Record<string, string> = {
    agent: `${agent.name} (${agent.id})`,
    status: stateLabel(agent.status) + (agent.stopped_reason === null ? '' : ` · ${agent.stopped_reason}`),
    owner: agent.owner,
    roles: agent.roles.join(', '),
    created: `${when(agent.created)} by ${agent.created_by}`,
    'last action': when(agent.last_action_at),
    ...lifeOf(agent),
  };
  if (agent.description !== '') lines.description = agent.description;
  for (const [name, value] of Object.entries(agent.metadata)) lines[`metadata ${name}`] = value;
  return Object.entries(lines)
    .map(([name, value]) => `${`${name}:`.padEnd(14)}${value}`)
    .join('\n');
}

const pathOf = (agent: string): string => `/v1/agents/${encodeURIComponent(agent)}`;

interface Changes extends Made {
  readonly role?: readonly string[];
  readonly owner?: string;
  readonly description?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

function changesOf({ role, owner, description, metadata, ...made }: Changes): Record<string, unknown> {
  return {
    ...(role === undefined ? {} : { roles: role }),
    ...(owner === undefined ? {} : { owner }),
    ...(description === undefined ? {} : { description }),
    ...(metadata === undefined ? {} : { metadata }),
    ...madeOf(made),
  };
}

async function applyAgents({ out, hivekey }: Run, files: readonly string[]): Promise<undefined> {
  for (const document of readDocuments(files)) {
    const name = textField(document, 'name');
    const { name: _, ...wanted } = document.value;
    const before = await hivekey.request<Agent>('GET', pathOf(name)).catch((error: unknown) => {
      if (error instanceof HiveKeyError && error.code === 'agent_not_found') return undefined;
      throw error;
    });
    const agent =
      before === undefined
        ? await hivekey.request<Agent>('POST', '/v1/agents', { body: document.value })
        : await hivekey.request<Agent>('PATCH', pathOf(name), { body: wanted });
    const change = before === undefined ? 'created' : 'updated';
    out.line({ ...agent, change }, () => `Agent ${name} ${change} · ${agent.roles.join(', ')} · owner ${agent.owner}`);
  }
  return undefined;
}

export function addAgentCommands(program: Command): void {
  const agent = program.command('agent').description('agents: ask for, create, list, change, suspend');
  withMade(
    agent
      .command('create <name>')
      .description('create an agent; it can do what its roles grant, and nothing else')
      .requiredOption('--role <role>', 'role it wears; repeatable', repeated)
      .requiredOption('--owner <email>', 'the person accountable for it')
      .option('--description <text>', 'what it is for')
      .option('--metadata <name=value>', 'a tag; repeatable', pair),
  )
    .addHelpText('after', '\nExample:\n  hivekey agent create helpdesk-bot --role support --owner dana@acme.example')
    .action(
      online<[string], Changes>(async ({ out, hivekey }, options, name) => {
        const made = await hivekey.request<Agent>('POST', '/v1/agents', { body: { name, ...changesOf(options) } });
        out.result(made, () => `Agent ${made.name} created · ${made.roles.join(', ')} · owner ${made.owner}`);
        out.note(`Next: hivekey token create ${made.name}`);
        return undefined;
      }),
    );
  agent
    .command('apply')
    .description('create or update agents from files')
    .requiredOption('-f, --file <path>', 'file, folder or -; repeatable', repeated)
    .action(online<[], { file: string[] }>((run, { file }) => applyAgents(run, file)));
  agent
    .command('list')
    .description('all agents')
    .option('--status <status>', 'active, suspended or revoked')
    .option('--owner <email>', 'of this owner')
    .option('--role <role>', 'wearing this role')
    .option('--attention <why>', 'dormant, never_used, expiring, expired, no_credential or orphan')
    .action(
      online<[], { status?: string; owner?: string; role?: string; attention?: string }>(
        async ({ out, hivekey }, { status, owner, role, attention }) => {
          const agents = await hivekey.all<Agent>('/v1/agents', { status, owner, role, attention });
          out.table(
            agents,
            COLUMNS,
            'There are no agents. Create one: hivekey agent create NAME --role ROLE --owner EMAIL',
          );
          return undefined;
        },
      ),
    );
  agent
    .command('get <agent>')
    .description('one agent')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, name) => {
        const found = await hivekey.request<Agent>('GET', pathOf(name));
        out.result(found, () => describe(found));
        return undefined;
      }),
    );
  agent
    .command('tools <agent>')
    .description('what the agent sees now')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, name) => {
        const tools = await hivekey.all<VisibleTool>(`${pathOf(name)}/tools`);
        const columns: Columns<VisibleTool> = {
          name: (tool) => tool.name,
          kind: (tool) => tool.kind,
          access: (tool) => tool.access,
          guards: (tool) => tool.guards.join(' '),
          description: (tool) => tool.description,
        };
        out.table(tools, columns, `${name} sees no tools: no role grants it any.`);
        return undefined;
      }),
    );
  withMade(
    agent
      .command('update <agent>')
      .description('change roles, owner, description or tags; binds its next action')
      .option('--role <role>', 'roles it wears from now on; repeatable', repeated)
      .option('--owner <email>', 'the person accountable for it')
      .option('--description <text>', 'what it is for')
      .option('--metadata <name=value>', 'tags from now on; repeatable', pair),
  ).action(
    online<[string], Changes>(async ({ out, hivekey }, options, name) => {
      const changed = await hivekey.request<Agent>('PATCH', pathOf(name), { body: changesOf(options) });
      out.result(changed, () => describe(changed));
      return undefined;
    }),
  );
  agent
    .command('suspend <agent>')
    .description('stop it and keep its tokens; `restore` brings it back')
    .option('--reason <text>', 'why')
    .action(
      online<[string], { reason?: string }>(async ({ out, hivekey }, { reason }, name) => {
        const body = reason === undefined ? {} : { reason };
        const stopped = await hivekey.request<Agent>('POST', `${pathOf(name)}/suspend`, { body });
        out.result(stopped, () => `Agent ${stopped.name} is ${stopped.status}.`);
        return undefined;
      }),
    );
  addAgentLifeCommands(agent);
}
