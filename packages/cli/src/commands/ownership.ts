/** transfer and owner: who is accountable for agents, and who takes over what a leaver leaves behind. */
import type {
  FullTransferTask,
  List,
  Orphan,
  Ownership,
  OwnershipSettings,
  OwnershipTransfer,
  TransferTask,
} from '@hivekey/sdk';
import { type Command, InvalidArgumentError } from 'commander';
import { UsageError } from '../exit.ts';
import { type Columns, stateLabel, when } from '../output.ts';
import { online } from '../run.ts';
import { repeated, wholeNumber } from '../values.ts';

const TASKS: Columns<TransferTask> = {
  id: ({ id }) => id,
  left: ({ person, person_active }) => (person_active ? `${person} (back)` : person),
  status: ({ status }) => status,
  waiting: ({ agents_waiting, agents_total }) => `${agents_waiting} of ${agents_total}`,
  until: ({ due_at }) => when(due_at),
  stopped: ({ first_refusal_ms: ms }) => (ms === null ? '' : `in ${ms} ms`),
};

const ITEMS: Columns<FullTransferTask['agents'][number]> = {
  agent: ({ agent }) => agent,
  status: ({ status }) => stateLabel(status),
  owner: ({ owner }) => owner,
  deputies: ({ deputies }) => deputies.join(', '),
  asked: ({ transfer }) => transfer?.to ?? '',
  outcome: ({ outcome }) => outcome ?? 'waits',
};

const OFFERS: Columns<OwnershipTransfer> = {
  id: ({ id }) => id,
  agent: ({ agent }) => agent,
  from: ({ from }) => from,
  to: ({ to }) => to,
  status: ({ status }) => status,
  'answer by': ({ answer_by }) => when(answer_by),
  reason: ({ reason }) => reason,
};

const HISTORY: Columns<Ownership['history'][number]> = {
  from: ({ from }) => from ?? '',
  to: ({ to }) => to,
  at: ({ at }) => when(at),
  by: ({ actor }) => actor,
  accepted: ({ accepted_at }) => (accepted_at === null ? 'not asked' : when(accepted_at)),
  reason: ({ reason }) => reason,
};

const ORPHANS: Columns<Orphan> = {
  agent: ({ agent }) => agent,
  status: ({ status }) => stateLabel(status),
  owner: ({ owner }) => owner,
  why: ({ why }) => why.replaceAll('_', ' '),
  task: ({ task }) => task ?? '',
};

const taskPath = (id: string): string => `/v1/transfer-tasks/${encodeURIComponent(id)}`;
const agentPath = (agent: string): string => `/v1/agents/${encodeURIComponent(agent)}`;

function addTransferCommands(program: Command): void {
  const transfer = program
    .command('transfer')
    .alias('transfers')
    .description('what people who left have left behind, and offers of agents to other owners');
  transfer
    .command('list')
    .description('tasks that are open; --all for every one')
    .option('--all', 'also those that are over')
    .option('--person <person>', 'of one person')
    .action(
      online<[], { all?: boolean; person?: string }>(async ({ out, hivekey }, { all, person }) => {
        const status = all === true ? undefined : 'open';
        const found = await hivekey.all<TransferTask>('/v1/transfer-tasks', { status, person });
        out.table(found, TASKS, 'Nobody has left anything behind.');
        return undefined;
      }),
    );
  transfer
    .command('show <task>')
    .description('the agents of a task')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, id) => {
        const task = await hivekey.request<FullTransferTask>('GET', taskPath(id));
        if (out.json) out.result(task, () => '');
        else out.table(task.agents, ITEMS, 'It has no agents.');
        return undefined;
      }),
    );
  transfer
    .command('propose <what> <to>')
    .description('offer an agent, or all agents of a task that wait, to another owner')
    .option('--agent <agent>', 'of a task, only this one; repeatable', repeated)
    .option('--reason <text>', 'why; it stands in the history')
    .action(
      online<[string, string], { agent?: readonly string[]; reason?: string }>(
        async ({ out, hivekey }, { agent, reason }, what, to) => {
          const body = { to, ...(reason === undefined ? {} : { reason }) };
          if (what.startsWith('ttk_')) {
            const agents = agent === undefined ? {} : { agents: agent };
            const made = await hivekey.request<List<OwnershipTransfer>>('POST', `${taskPath(what)}/propose`, {
              body: { ...body, ...agents },
            });
            out.table(made.data, OFFERS, 'No agent of it waits.');
            return undefined;
          }
          if (agent !== undefined)
            throw new UsageError('--agent goes with a task.', 'Name the agent or the task alone.');
          const path = `${agentPath(what)}/ownership-transfers`;
          const made = await hivekey.request<OwnershipTransfer>('POST', path, { body });
          out.result(
            made,
            () => `${made.to} is asked to take over ${made.agent} until ${when(made.answer_by)} (${made.id}).`,
          );
          return undefined;
        },
      ),
    );
  transfer
    .command('offers')
    .description('offers that wait for an answer; --all for every one')
    .option('--all', 'also those that are over')
    .option('--to <person>', 'to one person')
    .action(
      online<[], { all?: boolean; to?: string }>(async ({ out, hivekey }, { all, to }) => {
        const status = all === true ? undefined : 'proposed';
        const found = await hivekey.all<OwnershipTransfer>('/v1/ownership-transfers', { status, to });
        out.table(found, OFFERS, 'Nothing waits for an answer.');
        return undefined;
      }),
    );
  for (const [verb, description, says] of [
    ['accept', 'take over the agents, with a key of your own', 'is yours'],
    ['decline', 'say no, with a key of your own', 'waits for somebody else'],
    ['withdraw', 'take the offer back', 'is not offered any more'],
  ] as const)
    transfer
      .command(`${verb} <offers...>`)
      .description(description)
      .option('--reason <text>', 'why')
      .action(
        online<[readonly string[]], { reason?: string }>(async ({ out, hivekey }, { reason }, offers) => {
          for (const id of offers) {
            const path = `/v1/ownership-transfers/${encodeURIComponent(id)}/${verb}`;
            const body = reason === undefined ? {} : { reason };
            const ended = await hivekey.request<OwnershipTransfer>('POST', path, { body });
            out.line(ended, () => `${ended.agent} ${says}.`);
          }
          return undefined;
        }),
      );
}

/** `required` or `recorded`. */
function acceptance(text: string): { readonly acceptance_required: boolean } {
  if (text !== 'required' && text !== 'recorded') throw new InvalidArgumentError('Write required or recorded.');
  return { acceptance_required: text === 'required' };
}

interface Settings {
  readonly acceptance?: { readonly acceptance_required: boolean };
  readonly hours?: number;
  readonly remindAfter?: number;
  readonly escalateAfter?: number;
  readonly escalateTo?: readonly string[];
}

function settingsOf({ acceptance: asked, hours, remindAfter, escalateAfter, escalateTo }: Settings) {
  return {
    ...asked,
    ...(hours === undefined ? {} : { transfer_hours: hours }),
    ...(remindAfter === undefined ? {} : { remind_after_hours: remindAfter }),
    ...(escalateAfter === undefined ? {} : { escalate_after_hours: escalateAfter }),
    ...(escalateTo === undefined ? {} : { escalate_to: escalateTo }),
  };
}

function inWords(settings: OwnershipSettings): string {
  const { acceptance_required, transfer_hours, remind_after_hours, escalate_after_hours, escalate_to } = settings;
  return [
    acceptance_required
      ? 'Agents change owners when the new one accepts.'
      : 'An administrator may give an agent to another owner unasked; that is recorded.',
    `Of what a leaver leaves behind people are told again after ${remind_after_hours} h, escalated after ${escalate_after_hours} h${escalate_to.length === 0 ? '' : ` to ${escalate_to.join(', ')}`}; after ${transfer_hours} h it is revoked.`,
  ].join('\n');
}

export function addOwnershipCommands(program: Command): void {
  addTransferCommands(program);
  const owner = program.command('owner').description('who is accountable for agents');
  owner
    .command('show <agent>')
    .description('every owner that an agent has had')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, agent) => {
        const found = await hivekey.request<Ownership>('GET', `${agentPath(agent)}/ownership`);
        if (out.json) out.result(found, () => '');
        else {
          out.table(found.history, HISTORY, 'It has had no owner.');
          out.note(`Deputies: ${found.deputies.map(({ name }) => name).join(', ') || 'none'}`);
        }
        return undefined;
      }),
    );
  owner
    .command('deputies <agent> [who...]')
    .description('who stands in for the owner: e-mails of people and groups, all at once; nobody, when none is named')
    .action(
      online<[string, readonly string[]], object>(async ({ out, hivekey }, _, agent, who) => {
        const body = { deputies: who };
        const found = await hivekey.request<Ownership>('PUT', `${agentPath(agent)}/deputies`, { body });
        const names = found.deputies.map(({ name }) => name).join(', ');
        out.result(
          found,
          () => `${names === '' ? 'Nobody stands' : `${names} stand`} in for the owner of ${found.agent}.`,
        );
        return undefined;
      }),
    );
  owner
    .command('orphans')
    .description('agents without an active owner, or of whose deputies nobody is left')
    .action(
      online(async ({ out, hivekey }) => {
        out.table(await hivekey.all<Orphan>('/v1/orphans'), ORPHANS, 'Somebody answers for every agent.');
        return undefined;
      }),
    );
  owner
    .command('settings')
    .description('how ownership changes hands; with options, changes that')
    .option('--acceptance <required|recorded>', 'whether the new owner must accept', acceptance)
    .option('--hours <n>', 'agents of a leaver that nobody has taken over by then are revoked', wholeNumber)
    .option('--remind-after <n>', 'hours until people are told again', wholeNumber)
    .option('--escalate-after <n>', 'hours until those of --escalate-to are told as well', wholeNumber)
    .option('--escalate-to <who>', 'group, or e-mail of a person; repeatable', repeated)
    .action(
      online<[], Settings>(async ({ out, hivekey }, options) => {
        const body = settingsOf(options);
        const isChange = Object.keys(body).length > 0;
        const settings = await (isChange
          ? hivekey.request<OwnershipSettings>('PUT', '/v1/ownership-settings', { body })
          : hivekey.request<OwnershipSettings>('GET', '/v1/ownership-settings'));
        out.result(settings, () => inWords(settings));
        return undefined;
      }),
    );
}
