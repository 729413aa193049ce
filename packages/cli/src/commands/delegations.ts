/** delegation: having somebody else decide about held calls for you. */
import type { Delegation } from '@hivekey/sdk';
import { type Command, InvalidArgumentError } from 'commander';
import { UsageError } from '../exit.ts';
import { type Columns, paint, when } from '../output.ts';
import { online } from '../run.ts';
import { duration, repeated } from '../values.ts';

const DELEGATIONS: Columns<Delegation> = {
  id: ({ id }) => id,
  status: ({ status }) => (status === 'in_force' ? paint('yellow', 'in force') : status.replace('_', ' ')),
  from: ({ from }) => from,
  to: ({ to }) => to,
  of: ({ capabilities }) => capabilities?.join(', ') ?? 'all',
  starts: ({ starts_at }) => when(starts_at),
  ends: ({ ends_at, ended_at }) => when(ended_at ?? ends_at),
  reason: ({ reason }) => reason,
};

/** A date, or a date and time → epoch seconds. */
function instant(text: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw new InvalidArgumentError('Write 2026-08-01 or 2026-08-01T09:00:00Z.');
  return Math.floor(ms / 1000);
}

interface Wanted {
  readonly reason: string;
  readonly for?: number;
  readonly until?: number;
  readonly from?: number;
  readonly only?: readonly string[];
}

function endOf({ for: seconds, until, from }: Wanted): number {
  if (until !== undefined && seconds === undefined) return until;
  if (seconds !== undefined && until === undefined) return (from ?? Math.floor(Date.now() / 1000)) + seconds;
  throw new UsageError('One of --for and --until says when it ends.', 'Write --for 7d, or --until 2026-08-15.');
}

export function addDelegationCommands(program: Command): void {
  const delegation = program.command('delegation').description('have somebody else decide about held calls for you');
  delegation
    .command('create <to>')
    .description('hand your say to a person, with a key of your own, for at most 30 days')
    .requiredOption('--reason <text>', 'why; it stands in the log')
    .option('--for <time>', 'how long, e.g. 7d', duration)
    .option('--until <date>', 'or when it ends', instant)
    .option('--from <date>', 'when it begins; now, unless stated', instant)
    .option('--only <capability>', 'only calls of this capability, or crm.*; repeatable', repeated)
    .action(
      online<[string], Wanted>(async ({ out, hivekey }, wanted, to) => {
        const made = await hivekey.request<Delegation>('POST', '/v1/delegations', {
          body: {
            to,
            reason: wanted.reason,
            ends_at: endOf(wanted),
            ...(wanted.from === undefined ? {} : { starts_at: wanted.from }),
            ...(wanted.only === undefined ? {} : { capabilities: wanted.only }),
          },
        });
        out.result(made, () => `${made.to} decides for ${made.from} until ${when(made.ends_at)} (${made.id}).`);
        return undefined;
      }),
    );
  delegation
    .command('list')
    .description('who decides for whom, now or to come; --all for everything')
    .option('--all', 'also what is over')
    .option('--person <person>', 'of one person, on either side')
    .action(
      online<[], { all?: boolean; person?: string }>(async ({ out, hivekey }, { all, person }) => {
        const open = all === true ? undefined : true;
        const found = await hivekey.all<Delegation>('/v1/delegations', { open, person });
        out.table(found, DELEGATIONS, 'Nobody decides for anybody else.');
        return undefined;
      }),
    );
  delegation
    .command('end <id>')
    .description('end it before its time')
    .option('--reason <text>', 'why')
    .action(
      online<[string], { reason?: string }>(async ({ out, hivekey }, { reason }, id) => {
        const path = `/v1/delegations/${encodeURIComponent(id)}/end`;
        const ended = await hivekey.request<Delegation>('POST', path, { body: reason === undefined ? {} : { reason } });
        out.result(ended, () => `${ended.to} does not decide for ${ended.from} any more.`);
        return undefined;
      }),
    );
}
