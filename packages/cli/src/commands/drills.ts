/** drill, rehearsals: the kill switch, pressed on a shadow of an agent. */
import type { Drill, Rehearsal } from '@hivekey/sdk';
import type { Command } from 'commander';
import { EXIT, UsageError } from '../exit.ts';
import { type Columns, paint, when } from '../output.ts';
import { online } from '../run.ts';

function stateText({ status, result, target_ms }: Rehearsal): string {
  const slowest = result?.slowest_ms ?? null;
  const time = slowest === null ? '' : ` · ${slowest} of ${target_ms} ms`;
  if (status === 'running') return 'running';
  return status === 'passed'
    ? paint('green', `passed${time}`)
    : paint('red', `failed: ${result?.failure ?? ''}${time}`);
}

const DRILLS: Columns<Drill> = {
  name: ({ name }) => name,
  agent: ({ agent }) => agent ?? 'any',
  next: ({ next_at, overdue_seconds }) =>
    overdue_seconds === null ? when(next_at) : paint('red', `overdue since ${when(next_at)}`),
  last: ({ last }) => (last === null ? '–' : `${when(last.started_at)} · ${stateText(last)}`),
  rule: ({ starts, repeats, time_zone }) => `${starts} ${time_zone}${repeats === null ? '' : ` · ${repeats}`}`,
};

const REHEARSALS: Columns<Rehearsal> = {
  id: ({ id }) => id,
  agent: ({ agent }) => agent ?? '–',
  drill: ({ drill }) => drill ?? '–',
  started: ({ started_at }) => when(started_at),
  result: stateText,
  by: ({ actor }) => actor,
};

function measured(ms: number | null): string {
  return ms === null ? 'not seen' : `${ms} ms`;
}

function rehearsalText(rehearsal: Rehearsal): string {
  const { id, agent, result } = rehearsal;
  if (result === null) return `${id} is running.`;
  const refused = result.tools.filter((tool) => tool.refused).length;
  return [
    `${paint('bold', `${agent ?? 'nobody'} rehearsed`)} · ${id} · ${stateText(rehearsal)}`,
    `committed      ${measured(result.commit_ms)} after the order`,
    `first refusal  ${measured(result.first_refusal_ms)}`,
    `call aborted   ${result.call === null ? 'none: every tool counts against a budget' : measured(result.call_aborted_ms)}`,
    `session closed ${measured(result.session_closed_ms)}`,
    ...result.entrances.map(
      ({ entrance, code, ms }) =>
        `${entrance.padEnd(14)} ${code === null ? paint('red', 'let in') : `${code} after ${ms} ms`}`,
    ),
    `tools          ${refused} of ${result.tools.length} refused`,
    ...(result.containment === null ? [] : [`receipt        hivekey receipt get ${result.containment}`]),
  ].join('\n');
}

const pathOf = (name: string, ...rest: string[]): string => ['/v1/drills', encodeURIComponent(name), ...rest].join('/');

interface Schedule {
  readonly agent?: string;
  readonly starts: string;
  readonly timeZone: string;
  readonly repeats?: string;
}

export function addDrillCommands(program: Command): void {
  const drill = program.command('drill').description('rehearse the kill switch: now, or on a schedule');
  drill
    .command('run [drill]')
    .description('rehearse now, with the agent of a drill or with --agent; exit 3 unless it passes')
    .option('--agent <agent>', 'whose shadow; it goes on itself')
    .action(
      online<[string | undefined], { agent?: string }>(async ({ out, hivekey }, { agent }, name) => {
        if ((name === undefined) === (agent === undefined))
          throw new UsageError(
            'Name a drill, or an agent with --agent.',
            'E.g. hivekey drill run --agent helpdesk-bot',
          );
        const rehearsal =
          name === undefined
            ? await hivekey.request<Rehearsal>('POST', '/v1/containments/rehearsals', { body: { agent } })
            : await hivekey.request<Rehearsal>('POST', pathOf(name, 'run'), { body: {} });
        out.result(rehearsal, () => rehearsalText(rehearsal));
        return rehearsal.status === 'passed' ? EXIT.done : EXIT.checkFailed;
      }),
    );
  drill
    .command('list')
    .description('drills, when they are held next, and how the last went')
    .action(
      online(async ({ out, hivekey }) => {
        out.table(await hivekey.all<Drill>('/v1/drills'), DRILLS, 'There are no drills: hivekey drill schedule NAME …');
        return undefined;
      }),
    );
  drill
    .command('history [drill]')
    .description('rehearsals, newest first')
    .action(
      online<[string | undefined], object>(async ({ out, hivekey }, _, name) => {
        const query = name === undefined ? {} : { drill: name };
        const rehearsals = await hivekey.all<Rehearsal>('/v1/containments/rehearsals', query);
        out.table(rehearsals, REHEARSALS, 'Nothing was rehearsed yet.');
        return undefined;
      }),
    );
  drill
    .command('schedule <name>')
    .description('schedule a drill, or change it')
    .requiredOption('--starts <time>', 'first time on the wall clock, such as 2027-01-04T09:00')
    .option('--repeats <rule>', 'RFC 5545 rule by day or longer; without it, once')
    .option('--time-zone <zone>', 'IANA name', 'UTC')
    .option('--agent <agent>', 'whose shadow; without it, one at random each time')
    .addHelpText(
      'after',
      '\nExample:\n  hivekey drill schedule monthly --starts 2027-01-04T09:00 --repeats "FREQ=MONTHLY;BYDAY=1MO" --time-zone Europe/Berlin',
    )
    .action(
      online<[string], Schedule>(async ({ out, hivekey }, { agent, starts, timeZone, repeats }, name) => {
        const body = { agent: agent ?? null, starts, time_zone: timeZone, repeats: repeats ?? null };
        const made = await hivekey.request<Drill>('PUT', pathOf(name), { body });
        out.result(made, () => `Drill ${made.name} is held next on ${when(made.next_at)}.`);
        return undefined;
      }),
    );
  drill
    .command('remove <name>')
    .description('hold it no more; what it measured stays')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, name) => {
        const removed = await hivekey.request<Drill>('DELETE', pathOf(name));
        out.result(removed, () => `Drill ${removed.name} is removed.`);
        return undefined;
      }),
    );
}
