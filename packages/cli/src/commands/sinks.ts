/** sinks: where the log is streamed to. */
import type {
  List,
  Sink,
  SinkCompleteness,
  SinkDeadLetter,
  SinkKindDetails,
  SinkLedgerDay,
  SinkReplay,
  SinkSkip,
  SinkTest,
} from '@hivekey/sdk';
import type { Command } from 'commander';
import { EXIT, UsageError } from '../exit.ts';
import { type Columns, paint, when } from '../output.ts';
import { online } from '../run.ts';
import { jsonArgument, repeated, wholeNumber } from '../values.ts';

const SINKS: Columns<Sink> = {
  name: ({ name }) => name,
  kind: ({ kind }) => kind,
  to: ({ destination }) => destination,
  state: stateText,
  behind: ({ backlog_events: events, oldest_unsettled_age_seconds: age }) =>
    events === 0 ? '0' : `${events} · ${Math.round(age)} s`,
  'set aside': ({ dead_letters }) => (dead_letters === 0 ? '0' : paint('red', String(dead_letters))),
  'last success': ({ last_success_at }) => (last_success_at === null ? 'nothing yet' : when(last_success_at)),
  'last failure': ({ last_error }) => (last_error === null ? '' : last_error.cause),
};

const LETTERS: Columns<SinkDeadLetter> = {
  id: ({ id }) => id,
  status: ({ status }) => status,
  seq: ({ first_seq: first, last_seq: last }) => (first === last ? String(first) : `${first}–${last}`),
  entries: ({ entries, which }) => (which ? String(entries) : `${entries}, not known which`),
  kind: ({ kind }) => kind ?? '',
  why: ({ code, cause }) => `${code}: ${cause}`,
  since: ({ created }) => when(created),
};

const LEDGER: Columns<SinkLedgerDay> = {
  day: ({ day }) => day,
  produced: ({ produced }) => String(produced),
  accepted: ({ accepted, unconfirmed }) =>
    unconfirmed === 0 ? String(accepted) : `${accepted} (${unconfirmed} unconfirmed)`,
  rejected: ({ rejected }) => (rejected === 0 ? '0' : paint('red', String(rejected))),
  'left out': ({ filtered }) => String(filtered),
  retried: ({ retried }) => String(retried),
  'max lag': ({ max_lag_s: lag }) => `${lag} s`,
  gap: ({ gap_minutes: gap }) => `${gap} min`,
  seq: ({ first_seq: first, last_seq: last }) => (first === null ? '' : `${first}–${last}`),
  'in the log': ({ in_log: entries, proven }) =>
    entries === null ? '' : `${entries} ${proven === true ? 'proven' : paint('red', 'not equal')}`,
};

const REPLAYS: Columns<SinkReplay> = {
  id: ({ id }) => id,
  what: ({ purpose }) => purpose,
  range: ({ from_seq: from, to_seq: to }) => `${from}–${to}`,
  at: ({ cursor_seq: at }) => String(at),
  status: ({ status, hold }) => (hold === null ? status : paint('red', `waits: ${hold.cause}`)),
  by: ({ created_by }) => created_by,
};

const KINDS: Columns<SinkKindDetails> = {
  kind: ({ kind }) => kind,
  receiver: ({ label }) => label,
  formats: ({ formats }) => formats.join(', '),
  says: ({ acknowledgement }) => acknowledgement,
};

function stateText({ state, hold }: Sink): string {
  if (hold !== null) return paint('red', `holding: ${hold.cause}`);
  return state === 'failing' || state === 'lagging' ? paint('red', state) : state;
}

function pathOf(sink: string, ...rest: string[]): string {
  return ['/v1/siem/sinks', encodeURIComponent(sink), ...rest].join('/');
}

function sinkText(sink: Sink): string {
  const { confirmed, strongest, remarks } = sink.acknowledgement;
  const said = confirmed === null ? 'nothing yet' : confirmed ? 'stored' : 'received';
  return [
    `${paint('bold', sink.name)} · ${sink.kind} · ${sink.destination} · ${stateText(sink)}`,
    `id          ${sink.id}`,
    `format      ${sink.format}${sink.raw ? ', with the exact record' : ''}${sink.compact ? ', compact' : ''}`,
    `log         ${sink.cursor_seq} of ${sink.head_seq}, from ${sink.from_seq}; lag ${sink.oldest_unsettled_age_seconds} s of ${sink.objective_seconds} s`,
    `receiver    says: ${said} (at most: ${strongest})`,
    `sent        ${sink.events} events, ${sink.retries} sent again, ${sink.duplicates} known to the receiver already`,
    `checkpoint  ${sink.last_checkpoint_at === null ? 'none yet' : `${sink.checkpoints}, last ${when(sink.last_checkpoint_at)}`}`,
    `set aside   ${sink.dead_letters}`,
    ...(sink.filter === null ? [] : [`left out    ${sink.filter}`]),
    ...(sink.last_error === null ? [] : [`failed      ${sink.last_error.code}: ${sink.last_error.cause}`]),
    ...remarks.map((remark) => `remark      ${remark}`),
  ].join('\n');
}

function entryOf(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new UsageError(`${text} is no entry.`, 'Write its number in the log, e.g. hivekey sinks skip splunk-prod 120.');
}

function testText({ destination, delivered, confirmed, cause, took_ms: ms, event_id: id }: SinkTest): string {
  return delivered
    ? `${destination} took ${id} in ${ms} ms${confirmed ? ' and says that it is stored' : ''}.`
    : paint('red', `${destination} did not take it: ${cause ?? 'no answer'}`);
}

interface AddOptions {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly format?: string;
  readonly omit?: readonly string[];
  readonly leaveOut?: readonly string[];
  readonly bestEffort?: boolean;
  readonly fromSeq?: number;
  readonly fromTime?: string;
  readonly test?: boolean;
}

export function addSinkCommands(program: Command): void {
  const sinks = program.command('sinks').description('where the log is streamed to: SIEMs, stores, files');
  addReading(sinks);
  addSetting(sinks);
  addSending(sinks);
  addSkipping(sinks);
}

function addReading(sinks: Command): void {
  sinks
    .command('list')
    .description('sinks, and how it goes')
    .action(
      online(async ({ out, hivekey }) => {
        const all = await hivekey.all<Sink>('/v1/siem/sinks');
        const shown = all.filter(({ status }) => status !== 'deleted');
        out.table(shown, SINKS, 'There are none: hivekey sinks add NAME KIND --settings …');
        return undefined;
      }),
    );
  sinks
    .command('kinds')
    .description('kinds of receivers; --json has the settings of each')
    .action(
      online(async ({ out, hivekey }) => {
        out.table(await hivekey.all<SinkKindDetails>('/v1/siem/kinds'), KINDS, '');
        return undefined;
      }),
    );
  sinks
    .command('show <sink>')
    .description('one, by name or id; exit 3 where it waits for a person or takes nothing')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, name) => {
        const sink = await hivekey.request<Sink>('GET', pathOf(name));
        out.result(sink, () => sinkText(sink));
        return sink.state === 'holding' || sink.state === 'failing' ? EXIT.checkFailed : undefined;
      }),
    );
  sinks
    .command('ledger <sink>')
    .description('what became of the entries of each day; exit 3 where --prove finds a difference')
    .option('--from <day>', 'YYYY-MM-DD; 30 days ago where nothing is said')
    .option('--to <day>', 'today where nothing is said')
    .option('--prove', 'count the days in the log, too')
    .action(
      online<[string], { from?: string; to?: string; prove?: boolean }>(async ({ out, hivekey }, options, name) => {
        const { from, to, prove = false } = options;
        const query = { from, to, prove };
        const { data: days } = await hivekey.request<List<SinkLedgerDay>>('GET', pathOf(name, 'ledger'), { query });
        out.table(days, LEDGER, 'Nothing was settled in that time.');
        return days.some(({ proven }) => proven === false) ? EXIT.checkFailed : undefined;
      }),
    );
  sinks
    .command('completeness <sink>')
    .description('what the receiver should have of a range, with a digest to compare')
    .option('--from <seq>', 'first entry', wholeNumber)
    .option('--to <seq>', 'last entry', wholeNumber)
    .action(
      online<[string], { from?: number; to?: number }>(async ({ out, hivekey }, { from, to }, name) => {
        const query = { from, to };
        const of = await hivekey.request<SinkCompleteness>('GET', pathOf(name, 'completeness'), { query });
        out.result(of, () =>
          [
            `entries ${of.from_seq} to ${of.to_seq}: ${of.in_log} in the log, ${of.left_out} left out, ${of.set_aside} set aside, ${of.open} not sent yet`,
            `digest ${of.digest}`,
          ].join('\n'),
        );
        return undefined;
      }),
    );
}

function addSetting(sinks: Command): void {
  sinks
    .command('add <name> <kind>')
    .description('stream the log to a receiver; --test sends one event and keeps nothing')
    .requiredOption(
      '--settings <json>',
      'of the kind, credentials as references; @FILE reads it from a file',
      jsonArgument,
    )
    .option('--format <format>', 'native, ocsf-1.8.0, ocsf-1.9.0, ecs-9.4, flat, otlp, udm, cef; that of the kind')
    .option('--omit <field>', 'field of records that does not go out; repeatable', repeated)
    .option(
      '--leave-out <what>',
      'reads, results, log_reads, sessions, token_issues, drift_checks; repeatable',
      repeated,
    )
    .option('--best-effort', 'the log may be pruned beyond it')
    .option('--from-seq <n>', 'begin with this entry; from now on where nothing is said', wholeNumber)
    .option('--from-time <time>', 'begin with the first entry of this time')
    .option('--test', 'try the settings only')
    .addHelpText(
      'after',
      '\nExample:\n  hivekey sinks add splunk-prod splunk --settings \'{"url":"https://hec.acme.example:8088","token_ref":"vault://hec"}\' --test',
    )
    .action(
      online<[string, string], AddOptions>(async ({ out, hivekey }, options, name, kind) => {
        const { settings, format, omit, leaveOut, bestEffort, fromSeq, fromTime, test } = options;
        const fields = {
          ...{ name, kind, settings, format, omit, leave_out: leaveOut },
          ...(bestEffort === true ? { required: false } : {}),
        };
        if (test === true) {
          const tried = await hivekey.request<SinkTest>('POST', '/v1/siem/sinks/test', { body: fields });
          out.result(tried, () => testText(tried));
          return tried.delivered ? undefined : EXIT.checkFailed;
        }
        const start =
          fromSeq === undefined ? (fromTime === undefined ? undefined : { time: fromTime }) : { seq: fromSeq };
        const sink = await hivekey.request<Sink>('POST', '/v1/siem/sinks', { body: { ...fields, start } });
        out.result(sink, () => `${sink.name} gets the log from entry ${sink.from_seq} on: ${sink.destination}.`);
        return undefined;
      }),
    );
  sinks
    .command('change <sink>')
    .description('settings are given whole')
    .option('--settings <json>', 'of the kind; @FILE reads it from a file', jsonArgument)
    .option('--name <name>', 'another name')
    .option('--format <format>', 'another format')
    .action(
      online<[string], { settings?: object; name?: string; format?: string }>(async ({ out, hivekey }, body, sink) => {
        const changed = await hivekey.request<Sink>('PATCH', pathOf(sink), { body });
        out.result(changed, () => `${changed.name} is changed, and goes on behind entry ${changed.cursor_seq}.`);
        return undefined;
      }),
    );
  sinks
    .command('test <sink>')
    .description('send one event, and show what the receiver answers; exit 3 where it does not take it')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, sink) => {
        const tried = await hivekey.request<SinkTest>('POST', pathOf(sink, 'test'), { body: {} });
        out.result(tried, () => testText(tried));
        return tried.delivered ? undefined : EXIT.checkFailed;
      }),
    );
  for (const [act, words, done] of [
    ['pause', 'send nothing until it is resumed', 'is paused'],
    ['resume', 'send again at once, also what waits for a person', 'sends again'],
  ] as const)
    sinks
      .command(`${act} <sink>`)
      .description(words)
      .requiredOption('--reason <text>', 'stands on the record')
      .action(
        online<[string], { reason: string }>(async ({ out, hivekey }, { reason }, name) => {
          const sink = await hivekey.request<Sink>('POST', pathOf(name, act), { body: { reason } });
          out.result(sink, () => `${sink.name} ${done}.`);
          return undefined;
        }),
      );
  sinks
    .command('delete <sink>')
    .description('its ledger and dead letters stay')
    .requiredOption('--reason <text>', 'stands on the record')
    .action(
      online<[string], { reason: string }>(async ({ out, hivekey }, { reason }, sink) => {
        await hivekey.request('DELETE', pathOf(sink), { query: { reason } });
        out.result({ sink, deleted: true }, () => `${sink} is deleted.`);
        return undefined;
      }),
    );
}

function addSending(sinks: Command): void {
  sinks
    .command('replay')
    .argument('<sink>')
    .argument('[from]', 'first entry', wholeNumber)
    .argument('[to]', 'last entry', wholeNumber)
    .description('send a range once more, marked, under the same ids; without a range, what was ordered')
    .option('--reason <text>', 'stands on the record')
    .option('--cancel <id>', 'end one')
    .action(
      online<[string, number | undefined, number | undefined], { reason?: string; cancel?: string }>(
        async ({ out, hivekey }, { reason, cancel }, sink, from, to) => {
          if (cancel !== undefined) {
            const over = await hivekey.request<SinkReplay>('POST', pathOf(sink, 'replays', cancel, 'cancel'), {
              body: {},
            });
            out.result(over, () => `${over.id} is cancelled behind entry ${over.cursor_seq}.`);
            return undefined;
          }
          if (from === undefined) {
            out.table(await hivekey.all<SinkReplay>(pathOf(sink, 'replays')), REPLAYS, 'Nothing was ordered.');
            return undefined;
          }
          const body = { from_seq: from, to_seq: to ?? from, reason };
          const replay = await hivekey.request<SinkReplay>('POST', pathOf(sink, 'replays'), { body });
          out.result(replay, () => `${replay.id} sends entries ${replay.from_seq} to ${replay.to_seq} once more.`);
          return undefined;
        },
      ),
    );
  sinks
    .command('dead-letters <sink>')
    .description('what was set aside and waits; --all for everything')
    .option('--all', 'also what was sent since, or given up')
    .option('--redrive', 'send all of it once more')
    .option('--drop <id>', 'give one up; repeatable', repeated)
    .option('--reason <text>', 'of --redrive and --drop; stands on the record')
    .action(
      online<[string], { all?: boolean; redrive?: boolean; drop?: readonly string[]; reason?: string }>(
        async ({ out, hivekey }, { all, redrive, drop, reason }, sink) => {
          if (redrive === true || drop !== undefined) {
            const path = pathOf(sink, 'dead-letters', drop === undefined ? 'redrive' : 'drop');
            const body = drop === undefined ? { reason } : { ids: drop, reason };
            const done = await hivekey.request<{ dead_letters: number }>('POST', path, { body });
            out.result(
              done,
              () => `${done.dead_letters} ${drop === undefined ? 'are sent once more' : 'are given up'}.`,
            );
            return undefined;
          }
          const letters = await hivekey.all<SinkDeadLetter>(
            pathOf(sink, 'dead-letters'),
            all === true ? {} : { status: 'waiting' },
          );
          out.table(letters, LETTERS, 'Nothing is set aside.');
          return undefined;
        },
      ),
    );
}

function addSkipping(sinks: Command): void {
  sinks
    .command('skip <sink> <seq>')
    .description('propose to go on behind this entry; another person confirms: hivekey sinks skip SINK ID --confirm')
    .option('--reason <text>', 'stands on the record')
    .option('--confirm', 'agree to the proposal with this id')
    .option('--withdraw', 'take the proposal with this id back')
    .action(
      online<[string, string], { reason?: string; confirm?: boolean; withdraw?: boolean }>(
        async ({ out, hivekey }, { reason, confirm, withdraw }, sink, what) => {
          const answer = confirm === true ? 'confirm' : withdraw === true ? 'withdraw' : undefined;
          const skip =
            answer === undefined
              ? await hivekey.request<SinkSkip>('POST', pathOf(sink, 'skips'), {
                  body: { to_seq: entryOf(what), reason },
                })
              : await hivekey.request<SinkSkip>('POST', pathOf(sink, 'skips', what, answer), { body: {} });
          out.result(skip, () => `${skip.id} is ${skip.status}: the stream goes on behind entry ${skip.to_seq}.`);
          return undefined;
        },
      ),
    );
}
