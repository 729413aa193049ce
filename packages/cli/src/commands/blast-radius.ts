/** blast-radius: the most that can happen before somebody stops it, and who has accepted that. */
import type {
  AgentBlastRadius,
  BlastRadius,
  BlastRadiusAcceptance,
  BlastRadiusCertificate,
  RadiusCell,
} from '@hivekey/sdk';
import type { Command } from 'commander';
import { EXIT, UsageError } from '../exit.ts';
import { type Columns, paint, printable, when } from '../output.ts';
import { online, type Run } from '../run.ts';
import { duration } from '../values.ts';

interface Whose {
  readonly agent?: string;
  readonly role?: string;
  readonly owner?: string;
  readonly workspace?: boolean;
}

/** The one subject that was named; a word behind the command is an agent. */
function subjectOf({ agent, role, owner, workspace }: Whose, word: string | undefined): Record<string, string> {
  const named = Object.entries({ agent: agent ?? word, role, owner }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  if (named.length + (workspace === true ? 1 : 0) > 1 || (agent !== undefined && word !== undefined))
    throw new UsageError('Name one of them.', 'An agent, --role, --owner or --workspace.');
  return Object.fromEntries(named);
}

const LINES: Readonly<Record<RadiusCell['line'], string>> = {
  alone: 'alone',
  fooled: 'one approver fooled',
  bypassed: 'gateway bypassed',
};

interface Row {
  readonly measure: string;
  readonly line: RadiusCell['line'];
  readonly cells: readonly RadiusCell[];
}

/** A measure of which nothing can happen on any line is one row. */
function rowsOf({ units, cells }: BlastRadius): Row[] {
  return units.flatMap((unit) => {
    const measure = /^[a-z]{3}$/.test(unit) ? `money (${unit.toUpperCase()})` : unit.replaceAll('_', ' ');
    const all = (['alone', 'fooled', 'bypassed'] as const).map((line) => ({
      measure,
      line,
      cells: cells.filter((cell) => cell.unit === unit && cell.line === line),
    }));
    const isNothing = all.every((row) => row.cells.every(({ amount }) => amount.value === 0));
    return isNothing ? all.slice(0, 1) : all;
  });
}

function columnsOf({ horizons }: BlastRadius): Columns<Row> {
  const amounts = horizons.map(({ id, seconds }, i): [string, (row: Row) => string] => {
    const head = id === 'contained' ? `until contained${seconds === null ? '' : ` (${seconds} s)`}` : id;
    return [
      head,
      ({ cells }) => {
        const amount = cells[i]?.amount;
        return amount?.kind === 'bounded' ? amount.text : paint('red', amount?.text ?? '–');
      },
    ];
  });
  return {
    'at most': ({ measure }) => measure,
    line: ({ line }) => LINES[line],
    ...Object.fromEntries(amounts),
    'what binds': ({ cells }) => bindsOf(cells),
  };
}

/** Rules in the order in which they take over from the shortest time to the longest. */
function bindsOf(cells: readonly RadiusCell[]): string {
  const rules = cells.flatMap(({ binding }) => binding.map(({ rule }) => rule));
  const [reason] = cells.flatMap(({ amount }) => amount.reasons.map(({ sentence }) => sentence));
  if (rules.length > 0) return [...new Set(rules)].join(', ');
  return reason ?? 'nothing reachable';
}

function say(run: Run, radius: BlastRadius): void {
  const { out } = run;
  const { subject, agents, containment, escalations, excluded, acceptance, digest, policy } = radius;
  const name = subject.kind === 'workspace' ? 'the workspace' : `${subject.kind} ${subject.name}`;
  out.note(`${printable(name)} · ${agents} ${agents === 1 ? 'agent' : 'agents'} · policy ${policy}`);
  if (subject.status !== null && subject.status !== 'active')
    out.note(`It is ${subject.status}: this is what it could do otherwise.`);
  out.table(rowsOf(radius), columnsOf(radius), 'Nothing can happen.');
  for (const { sentence } of escalations) out.note(paint('red', `Escalation: ${printable(sentence)}.`));
  out.note(containment.sentence);
  out.note(`Not in the numbers: ${excluded.join('; ')}.`);
  out.note(`digest ${digest}`);
  out.note(
    acceptance === null
      ? 'Nobody has accepted it.'
      : `Accepted by ${acceptance.person} until ${when(acceptance.until)}${acceptance.expired ? ': that is over' : acceptance.exceeded ? ': it is larger now' : ''}.`,
  );
}

const FLEET: Columns<AgentBlastRadius> = {
  agent: ({ agent }) => agent,
  owner: ({ owner }) => owner,
  roles: ({ roles }) => roles.join(', '),
  'at most': ({ amounts }) =>
    Object.entries(amounts)
      .filter(([, { value }]) => value !== 0)
      .map(([unit, { kind, text }]) => (kind === 'bounded' ? text : `${unit}: ${text}`))
      .join(', ') || 'nothing',
  accepted: ({ acceptance }) =>
    acceptance === null
      ? '–'
      : `${acceptance.person}${acceptance.exceeded ? ' (passed)' : acceptance.expired ? ' (over)' : ''}`,
};

const ACCEPTANCES: Columns<BlastRadiusAcceptance> = {
  id: ({ id }) => id,
  of: ({ subject: { kind, name } }) => `${kind} ${name}`,
  status: ({ status, exceeded_at }) => (status === 'current' && exceeded_at !== null ? 'passed' : status),
  by: ({ person }) => person,
  since: ({ accepted_at }) => when(accepted_at),
  until: ({ until }) => when(until),
  reason: ({ reason }) => reason,
};

const CERTIFICATES: Columns<BlastRadiusCertificate> = {
  id: ({ id }) => id,
  made: ({ made_at }) => when(made_at),
  policy: ({ policy, policy_revision }) => `${policy_revision} ${policy.slice(0, 19)}`,
  agents: ({ agents }) => String(agents),
  asked: ({ inputs }) => String(inputs),
  differences: ({ differences }) => (differences === 0 ? '0' : paint('red', String(differences))),
};

function withSubject(command: Command): Command {
  return command
    .option('--agent <agent>', 'an agent, by name or id')
    .option('--role <role>', 'all who wear it, by its grants')
    .option('--owner <email>', 'all agents of the person')
    .option('--workspace', 'all agents (the default)');
}

export function addBlastRadiusCommands(program: Command): void {
  const radius = withSubject(
    program
      .command('blast-radius')
      .argument('[agent]', 'name or id')
      .description('the most that can happen before somebody stops it, and what binds it'),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  hivekey blast-radius desk-bot\n  hivekey blast-radius --workspace\n  hivekey blast-radius accept desk-bot --for 90d --reason "reviewed with finance"',
    )
    .action(
      online<[string | undefined], Whose>(async (run, whose, word) => {
        const query = subjectOf(whose, word);
        const found = await run.hivekey.request<BlastRadius>('GET', '/v1/blast-radius', { query });
        if (run.out.json) run.out.result(found, () => '');
        else say(run, found);
        return undefined;
      }),
    );

  radius
    .command('agents')
    .description('every agent: what has no bound first, then the largest')
    .option('--unit <unit>', 'sort by it, such as usd')
    .action(
      online<[], { readonly unit?: string }>(async ({ out, hivekey }, { unit }) => {
        const query = unit === undefined ? {} : { unit };
        out.table(await hivekey.all<AgentBlastRadius>('/v1/blast-radius/agents', query), FLEET, 'No agent may act.');
        return undefined;
      }),
    );

  withSubject(
    radius.command('accept').argument('[agent]', 'name or id').description('accept what could happen, for a while'),
  )
    .requiredOption('--for <time>', 'such as 90d', duration)
    .requiredOption('--reason <text>', 'why')
    .option('--digest <digest>', 'of what you have seen; without it, of what it is now')
    .action(
      online<[string | undefined], Whose & { readonly for: number; readonly reason: string; readonly digest?: string }>(
        async ({ out, hivekey }, { for: seconds, reason, digest, ...whose }, word) => {
          const subject = subjectOf(whose, word);
          const seen =
            digest ?? (await hivekey.request<BlastRadius>('GET', '/v1/blast-radius', { query: subject })).digest;
          const until = Math.floor(Date.now() / 1000) + seconds;
          const body = { ...subject, digest: seen, until, reason };
          const made = await hivekey.request<BlastRadiusAcceptance>('POST', '/v1/blast-radius/acceptances', { body });
          out.result(made, () => `Accepted until ${when(made.until)} (${made.id}).`);
          return undefined;
        },
      ),
    );

  radius
    .command('acceptances')
    .description('who has accepted what, newest first')
    .action(
      online<[], object>(async ({ out, hivekey }) => {
        const rows = await hivekey.all<BlastRadiusAcceptance>('/v1/blast-radius/acceptances');
        out.table(rows, ACCEPTANCES, 'Nobody has accepted a blast radius.');
        return undefined;
      }),
    );

  radius
    .command('certificates')
    .description('that the decision function lets through what the numbers are made of, newest first')
    .option('--now', 'have one made first; exit code 3 where there are differences')
    .action(
      online<[], { readonly now?: boolean }>(async ({ out, hivekey }, { now }) => {
        if (now === true) {
          const made = await hivekey.request<BlastRadiusCertificate>('POST', '/v1/blast-radius/certificates');
          out.table([made], CERTIFICATES, '');
          return made.differences === 0 ? undefined : EXIT.checkFailed;
        }
        const rows = await hivekey.all<BlastRadiusCertificate>('/v1/blast-radius/certificates');
        out.table(rows, CERTIFICATES, 'There is no certificate yet.');
        return undefined;
      }),
    );
}
