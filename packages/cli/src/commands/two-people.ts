/** proposal: what waits for a second person; containment: which stops do. */
import type { ContainmentProposal, ContainmentScope, ContainmentSettings } from '@hivekey/sdk';
import type { Command } from 'commander';
import { UsageError } from '../exit.ts';
import { type Columns, when } from '../output.ts';
import { online } from '../run.ts';
import { wholeNumber } from '../values.ts';
import { proposedText } from './containment.ts';

const SCOPES: readonly ContainmentScope[] = ['agent', 'role', 'owner', 'tool', 'workspace'];

const PROPOSALS: Columns<ContainmentProposal> = {
  id: ({ id }) => id,
  status: ({ status }) => status,
  what: ({ kind, scope, target }) => `${kind} ${scope ?? ''} ${target}`.replace(/ +/g, ' '),
  proposed: ({ proposed_by_person, proposed_at }) => `${proposed_by_person}, ${when(proposed_at)}`,
  confirmed: ({ confirmed_by_person }) => confirmed_by_person ?? '–',
  until: ({ answer_by }) => when(answer_by),
  reason: ({ reason }) => reason,
};

function scopesOf(text: string): ContainmentScope[] {
  const names = text === 'none' ? [] : text.split(',');
  return names.map((name) => {
    const scope = SCOPES.find((each) => each === name);
    if (scope === undefined)
      throw new UsageError(`${name} is no scope.`, `Write none, or some of ${SCOPES.join(',')}.`);
    return scope;
  });
}

const pathOf = (id: string, ...rest: string[]): string =>
  ['/v1/containment-proposals', encodeURIComponent(id), ...rest].join('/');

function settingsText({ two_people: { kill, lift }, answer_minutes, target_ms }: ContainmentSettings): string {
  return [
    `two to kill    ${kill.join(', ') || 'nothing: one person stops at once'}`,
    `two to lift    ${lift.join(', ') || 'nothing'}`,
    `to answer      ${answer_minutes} minutes`,
    `target         ${target_ms} ms, for rehearsals`,
  ].join('\n');
}

interface Change {
  readonly twoToKill?: string;
  readonly twoToLift?: string;
  readonly answerMinutes?: number;
  readonly targetMs?: number;
}

export function addTwoPeopleCommands(program: Command): void {
  program
    .command('containment')
    .description('which stops take two people to give and to lift; with options, changes that')
    .option('--two-to-kill <scopes>', 'scopes with commas, or none')
    .option('--two-to-lift <scopes>', 'scopes with commas, or none')
    .option('--answer-minutes <n>', 'a proposal lapses after that', wholeNumber)
    .option('--target-ms <n>', 'what a rehearsal has to stay within', wholeNumber)
    .addHelpText('after', '\nExample:\n  hivekey containment --two-to-lift agent,role,owner,tool,workspace')
    .action(
      online<[], Change>(async ({ out, hivekey }, { twoToKill, twoToLift, answerMinutes, targetMs }) => {
        const two = {
          ...(twoToKill === undefined ? {} : { kill: scopesOf(twoToKill) }),
          ...(twoToLift === undefined ? {} : { lift: scopesOf(twoToLift) }),
        };
        const body = {
          ...(Object.keys(two).length === 0 ? {} : { two_people: two }),
          ...(answerMinutes === undefined ? {} : { answer_minutes: answerMinutes }),
          ...(targetMs === undefined ? {} : { target_ms: targetMs }),
        };
        const path = '/v1/containment-settings';
        const answer =
          Object.keys(body).length === 0
            ? await hivekey.request<ContainmentSettings>('GET', path)
            : await hivekey.request<ContainmentSettings | ContainmentProposal>('PUT', path, { body });
        out.result(answer, () =>
          answer.object === 'containment_settings' ? settingsText(answer) : proposedText(answer),
        );
        return undefined;
      }),
    );

  const proposal = program.command('proposal').description('stops and lifts that wait for a second person');
  proposal
    .command('list')
    .description('what waits')
    .option('--all', 'also what was confirmed, withdrawn or lapsed')
    .action(
      online<[], { all?: boolean }>(async ({ out, hivekey }, { all }) => {
        const query = all === true ? {} : { status: 'proposed' };
        const proposals = await hivekey.all<ContainmentProposal>('/v1/containment-proposals', query);
        out.table(proposals, PROPOSALS, 'Nothing waits for a second person.');
        return undefined;
      }),
    );
  proposal
    .command('confirm <proposal>')
    .description('confirm it, as another person than proposed it: it happens now')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, id) => {
        const done = await hivekey.request<ContainmentProposal>('POST', pathOf(id, 'confirm'), { body: {} });
        out.result(done, () => `${done.kind} ${done.target} is done${done.result === null ? '' : ` · ${done.result}`}`);
        return undefined;
      }),
    );
  proposal
    .command('withdraw <proposal>')
    .description('withdraw it; nothing has happened')
    .option('--reason <text>', 'why; it stands in the log')
    .action(
      online<[string], { reason?: string }>(async ({ out, hivekey }, { reason }, id) => {
        const body = reason === undefined ? {} : { reason };
        const done = await hivekey.request<ContainmentProposal>('POST', pathOf(id, 'withdraw'), { body });
        out.result(done, () => `${done.id} is withdrawn.`);
        return undefined;
      }),
    );
}
