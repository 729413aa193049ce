/** revoke, restore, stops: the kill switch. */
import type { Agent, Containment, ContainmentProposal, ContainmentScope } from '@hivekey/sdk';
import type { Command } from 'commander';
import { UsageError } from '../exit.ts';
import { type Columns, paint, when } from '../output.ts';
import { online } from '../run.ts';

interface Target {
  readonly role?: string;
  readonly owner?: string;
  readonly tool?: string;
  readonly workspace?: boolean;
}

/** Exactly one thing to stop. */
function scopeOf(
  agent: string | undefined,
  { role, owner, tool, workspace }: Target,
): { scope: ContainmentScope; target: string } {
  const named = [
    ...(agent === undefined ? [] : [{ scope: 'agent' as const, target: agent }]),
    ...(role === undefined ? [] : [{ scope: 'role' as const, target: role }]),
    ...(owner === undefined ? [] : [{ scope: 'owner' as const, target: owner }]),
    ...(tool === undefined ? [] : [{ scope: 'tool' as const, target: tool }]),
    ...(workspace === true ? [{ scope: 'workspace' as const, target: '*' }] : []),
  ];
  const [one, ...more] = named;
  if (one !== undefined && more.length === 0) return one;
  throw new UsageError('Name exactly one thing to stop.', 'An agent, or one of --role, --owner, --tool, --workspace.');
}

function receiptText({ id, scope, target, receipt }: Containment): string {
  const lines = [
    `${paint('bold', `${scope} ${target} is stopped`)} · ${id}`,
    `ordered        ${receipt.ordered_at}`,
    `committed      ${receipt.committed_at}`,
    `first refusal  ${receipt.first_refusal_ms === null ? 'not measured: nothing to probe with' : `${receipt.first_refusal_ms} ms after the order`}`,
    `agents         ${receipt.agents.map(({ name, tokens_ended }) => `${name} (${tokens_ended} ${tokens_ended === 1 ? 'token' : 'tokens'} ended)`).join(', ') || 'none'}`,
    `sessions       ${receipt.sessions_closed} closed`,
    `approvals      ${receipt.approvals_cancelled} cancelled`,
    `in flight      ${receipt.calls.length === 0 ? 'none' : ''}`,
    ...receipt.calls.map(
      ({ agent, capability, fate, event_id }) =>
        `  ${agent} ${capability} · ${fate.replaceAll('_', ' ')} · ${event_id}`,
    ),
    `on the log     ${receipt.event_id}`,
  ];
  return lines.join('\n');
}

/** Nothing has happened yet. */
export function proposedText({ id, kind, scope, target, answer_by, meanwhile }: ContainmentProposal): string {
  return [
    `${paint('bold', `${kind} ${scope ?? ''} ${target}`.replace(/ +/g, ' '))} waits for a second person until ${when(answer_by)} · ${id}`,
    `to confirm     hivekey proposal confirm ${id}, with a key of another person`,
    ...(meanwhile.length === 0 ? [] : ['meanwhile, alone', ...meanwhile.map((line) => `  ${line}`)]),
  ].join('\n');
}

const STOPS: Columns<Containment> = {
  id: ({ id }) => id,
  what: ({ scope, target }) => `${scope} ${target}`,
  ordered: ({ ordered_at }) => when(ordered_at),
  by: ({ actor }) => actor,
  refused: ({ receipt }) => (receipt.first_refusal_ms === null ? '–' : `${receipt.first_refusal_ms} ms`),
  lifted: ({ lifted_at }) => when(lifted_at),
  reason: ({ reason }) => reason,
};

export function addContainmentCommands(program: Command): void {
  program
    .command('revoke [agent]')
    .alias('kill')
    .description('cut off an agent, or everyone with a role, an owner, a tool, or the workspace: now, on every path')
    .option('--role <role>', 'every agent that wears it')
    .option('--owner <email>', 'every agent of this owner')
    .option('--tool <capability>', 'this capability, for everyone')
    .option('--workspace', 'everything')
    .option('--reason <text>', 'why; it stands in the log')
    .addHelpText(
      'after',
      '\nExamples:\n  hivekey revoke helpdesk-bot --reason "odd mails at night"\n  hivekey revoke --tool payments.pay',
    )
    .action(
      online<[string | undefined], Target & { reason?: string }>(
        async ({ out, hivekey }, { reason, ...target }, agent) => {
          const body = { ...scopeOf(agent, target), ...(reason === undefined ? {} : { reason }) };
          const stop = await hivekey.request<Containment | ContainmentProposal>('POST', '/v1/containments', { body });
          out.result(stop, () => (stop.object === 'containment' ? receiptText(stop) : proposedText(stop)));
          return undefined;
        },
      ),
    );
  program
    .command('restore <agent-or-stop>')
    .description('lift a stop (stop_…), or bring an agent back; its old tokens stay dead')
    .option('--reason <text>', 'why; it stands in the log')
    .action(
      online<[string], { reason?: string }>(async ({ out, hivekey }, { reason }, what) => {
        const body = reason === undefined ? {} : { reason };
        if (what.startsWith('stop_')) {
          const lifted = await hivekey.request<Containment | ContainmentProposal>(
            'POST',
            `/v1/containments/${encodeURIComponent(what)}/lift`,
            { body },
          );
          out.result(lifted, () =>
            lifted.object === 'containment'
              ? `${lifted.scope} ${lifted.target} is no longer stopped by ${lifted.id}.`
              : proposedText(lifted),
          );
          return undefined;
        }
        const path = `/v1/agents/${encodeURIComponent(what)}/restore`;
        const agent = await hivekey.request<Agent | ContainmentProposal>('POST', path, { body });
        if (agent.object === 'containment_proposal') {
          out.result(agent, () => proposedText(agent));
          return undefined;
        }
        out.result(agent, () => `Agent ${agent.name} is ${agent.status}.`);
        if (agent.status === 'active') out.note(`It needs a new token: hivekey token create ${agent.name}`);
        return undefined;
      }),
    );
  program
    .command('stops')
    .description('stops in force, with the time each took to bite')
    .option('--all', 'also those that were lifted')
    .action(
      online<[], { all?: boolean }>(async ({ out, hivekey }, { all }) => {
        const stops = await hivekey.all<Containment>('/v1/containments', all === true ? {} : { active: true });
        out.table(stops, STOPS, 'Nothing is stopped.');
        return undefined;
      }),
    );
}
