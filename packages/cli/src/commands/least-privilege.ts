/** least-privilege: what could be taken away, judged by use. */
import type { Change, LeastPrivilegePeriod, LeastPrivilegeProposal, List } from '@hivekey/sdk';
import type { Command } from 'commander';
import { type Columns, when } from '../output.ts';
import { online } from '../run.ts';
import { duration, wholeNumber } from '../values.ts';

const PATH = '/v1/least-privilege/proposals';
const DEFAULT_DAYS = 90;

const COLUMNS: Columns<LeastPrivilegeProposal> = {
  id: ({ id }) => id,
  kind: ({ kind }) => kind.replaceAll('_', ' '),
  'last used': ({ evidence: { last_used_at, calls } }) => (calls > 0 ? 'in this time' : when(last_used_at)),
  proposal: ({ sentence }) => sentence,
};

interface Judged {
  readonly days: number;
  readonly agent?: string;
  readonly dismissed?: boolean;
}

export function addLeastPrivilegeCommands(program: Command): void {
  const privilege = program
    .command('least-privilege')
    .description('what could be taken away, judged by use')
    .option('--days <n>', 'calls of so many days', wholeNumber, DEFAULT_DAYS)
    .option('--agent <agent>', 'what it wears, and the roles that it wears')
    .option('--dismissed', 'with those that somebody has dismissed')
    .addHelpText('after', '\nExamples:\n  hivekey least-privilege\n  hivekey least-privilege draft lpp_… --days 90')
    .action(
      online<[], Judged>(async ({ out, hivekey }, { days, agent, dismissed = false }) => {
        const query = { days, dismissed, ...(agent === undefined ? {} : { agent }) };
        const first = await hivekey.request<List<LeastPrivilegeProposal> & { period: LeastPrivilegePeriod }>(
          'GET',
          PATH,
          {
            query: { ...query, limit: 1 },
          },
        );
        const { covered, limits_covered, calls_known_from } = first.period;
        if (!covered) out.note(`Not enough is known: the log begins ${calls_known_from ?? 'with the first call'}.`);
        else if (!limits_covered) out.note('Of limits not enough is known.');
        out.table(await hivekey.all<LeastPrivilegeProposal>(PATH, query), COLUMNS, 'Nothing is proposed.');
        return undefined;
      }),
    );

  privilege
    .command('draft')
    .argument('<proposal>', 'id')
    .argument('[more...]', 'further ones, for the same draft')
    .description('make a draft of a change of it')
    .option('--days <n>', 'as it was listed', wholeNumber, DEFAULT_DAYS)
    .action(
      online<[string, string[]], { readonly days: number }>(async ({ out, hivekey }, { days }, id, more) => {
        const path = `${PATH}/${encodeURIComponent(id)}/change`;
        const change = await hivekey.request<Change>('POST', path, { body: { days, with: more } });
        out.result(change, () => `${change.name} is a draft: hivekey change show ${change.name}`);
        return undefined;
      }),
    );

  privilege
    .command('dismiss')
    .argument('<proposal>', 'id')
    .description('do not show it for a while')
    .requiredOption('--for <time>', 'such as 90d', duration)
    .requiredOption('--reason <text>', 'why')
    .option('--days <n>', 'as it was listed', wholeNumber, DEFAULT_DAYS)
    .action(
      online<[string], { readonly days: number; readonly for: number; readonly reason: string }>(
        async ({ out, hivekey }, { days, for: seconds, reason }, id) => {
          const body = { days, reason, until: Math.floor(Date.now() / 1000) + seconds };
          const seen = await hivekey.request<LeastPrivilegeProposal>(
            'POST',
            `${PATH}/${encodeURIComponent(id)}/dismiss`,
            {
              body,
            },
          );
          out.result(seen, () => `Not shown until ${when(seen.dismissed?.until)}.`);
          return undefined;
        },
      ),
    );
}
