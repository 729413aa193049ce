/** person: who is accountable for agents. */
import type { Invitation, Person, TransferTask } from '@hivekey/sdk';
import { type Command, InvalidArgumentError } from 'commander';
import { type Columns, when } from '../output.ts';
import { online } from '../run.ts';
import { repeated } from '../values.ts';

const COLUMNS: Columns<Person> = {
  email: ({ email }) => email,
  name: ({ display_name }) => display_name,
  label: ({ label }) => label ?? '',
  groups: ({ groups }) => groups.join(', '),
  roles: ({ effective_roles }) => effective_roles.join(', '),
  active: ({ active }) => (active ? 'yes' : 'no'),
  agents: ({ agents }) => String(agents),
  since: ({ created }) => when(created),
};

/** `team/user`, or `none`. In an object, because commander takes null for a value that failed. */
function slackAccount(text: string): Pick<Person, 'slack'> {
  if (text === 'none') return { slack: null };
  const [team = '', user = '', ...more] = text.split('/');
  if (team === '' || user === '' || more.length > 0) throw new InvalidArgumentError('Write TEAM/USER, or none.');
  return { slack: { team, user } };
}

interface Details {
  readonly name?: string;
  readonly label?: string;
  readonly group?: readonly string[];
  readonly role?: readonly string[];
}

function detailsOf({ name, label }: Details): Record<string, string> {
  return { ...(name === undefined ? {} : { display_name: name }), ...(label === undefined ? {} : { label }) };
}

export function addPeopleCommands(program: Command): void {
  const person = program.command('person').alias('people').description('owners: the people accountable for agents');
  person
    .command('add <email>')
    .description('add a person; creating an agent for a new owner does it, too')
    .option('--name <name>', 'full name')
    .option('--label <label>', 'team, as it stands beside the e-mail in the log')
    .action(
      online<[string], Details>(async ({ out, hivekey }, details, email) => {
        const made = await hivekey.request<Person>('POST', '/v1/people', { body: { email, ...detailsOf(details) } });
        out.result(made, () => `${made.email} added.`);
        return undefined;
      }),
    );
  person
    .command('list')
    .description('everyone')
    .action(
      online(async ({ out, hivekey }) => {
        out.table(await hivekey.all<Person>('/v1/people'), COLUMNS, 'There is nobody yet.');
        return undefined;
      }),
    );
  person
    .command('invite <email>')
    .description('make a link with which the person signs in for the first time; for one use')
    .option('--any-email', 'the identity provider may state another e-mail than this one')
    .action(
      online<[string], { anyEmail?: boolean }>(async ({ out, hivekey }, { anyEmail = false }, email) => {
        const path = `/v1/people/${encodeURIComponent(email)}/invitations`;
        const made = await hivekey.request<Invitation>('POST', path, { body: { any_email: anyEmail } });
        out.result(made, () => made.url ?? '');
        out.note(`Give it to ${made.person} alone. It is good until ${when(made.expires_at)}.`);
        return undefined;
      }),
    );
  person
    .command('deactivate <email>')
    .description('the person has left: what they sign in with ends, their agents are suspended')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, email) => {
        const path = `/v1/people/${encodeURIComponent(email)}`;
        const left = await hivekey.request<Person>('PATCH', path, { body: { active: false } });
        const tasks = await hivekey.all<TransferTask>('/v1/transfer-tasks', { status: 'open', person: left.id });
        out.result(left, () => `${left.email} is inactive.`);
        for (const { id, agents_waiting, due_at } of tasks)
          out.note(`${agents_waiting} agents need another owner until ${when(due_at)}: hivekey transfer show ${id}`);
        return undefined;
      }),
    );
  person
    .command('update <email>')
    .description('change a person; --leave is deactivate')
    .option('--name <name>', 'full name')
    .option('--label <label>', 'team')
    .option(
      '--group <name>',
      'a group the person speaks for in approvals; repeatable, replaces the groups before',
      repeated,
    )
    .option(
      '--slack <team/user>',
      'the account with which the person decides in Slack, e.g. T012AB3CD/U045EF6GH, or none',
      slackAccount,
    )
    .option('--role <role>', 'a role in the workspace; repeatable, replaces the roles before', repeated)
    .option('--leave', 'no longer here')
    .option('--return', 'here again')
    .action(
      online<[string], Details & { leave?: boolean; return?: boolean; slack?: Pick<Person, 'slack'> }>(
        async ({ out, hivekey }, options, email) => {
          const active = options.leave === true ? { active: false } : options.return === true ? { active: true } : {};
          const groups = options.group === undefined ? {} : { groups: options.group };
          const roles = options.role === undefined ? {} : { roles: options.role };
          const body = { ...detailsOf(options), ...groups, ...roles, ...options.slack, ...active };
          const changed = await hivekey.request<Person>('PATCH', `/v1/people/${encodeURIComponent(email)}`, { body });
          out.result(
            changed,
            () =>
              `${changed.email} is ${changed.active ? 'active' : 'inactive'}, accountable for ${changed.agents} agents.`,
          );
          return undefined;
        },
      ),
    );
}
