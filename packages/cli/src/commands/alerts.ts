/** alerts: what asks for a person, and what people do about it. */
import { writeFileSync } from 'node:fs';
import type { Alert, AlertCase, AlertDetail, AlertSettings, AlertSummary } from '@hivekey/sdk';
import { type Command, Option } from 'commander';
import { type Columns, paint, printable, span, when } from '../output.ts';
import { online, type Run } from '../run.ts';
import { duration, jsonObject, moment, readText, wholeNumber } from '../values.ts';

const SEVERITIES = ['informational', 'low', 'medium', 'high', 'critical'] as const;
const DISPOSITIONS = ['true_positive', 'benign', 'false_positive', 'test', 'duplicate'] as const;

const ALERTS: Columns<Alert> = {
  id: ({ id }) => id,
  severity: ({ severity }) => severity,
  status: ({ status, disposition, overdue }) =>
    [status, disposition, overdue === null ? null : 'overdue'].filter((each) => each !== null).join(' · '),
  rule: ({ source, rule }) => `${source} ${rule}`,
  about: ({ subject: { kind, name } }) => printable(`${kind} ${name}`),
  what: ({ title, synthetic }) => printable(synthetic ? `[test] ${title}` : title),
  assignee: ({ assignee }) => assignee ?? '–',
  opened: ({ opened_at }) => when(opened_at),
};

const CASES: Columns<AlertCase> = {
  id: ({ id }) => id,
  severity: ({ severity }) => severity,
  alerts: ({ alerts, unclosed }) => `${alerts}, ${unclosed} not closed`,
  about: ({ subject: { kind, name } }) => printable(`${kind} ${name}`),
  what: ({ title }) => printable(title),
  last: ({ last_alert_at }) => when(last_alert_at),
};

const pathOf = (id: string, act = ''): string => `/v1/alerts/${encodeURIComponent(id)}${act}`;

function textOf(alert: AlertDetail): string {
  const lines = [
    `${alert.id} · ${alert.severity} · ${alert.status}${alert.disposition === null ? '' : ` · ${alert.disposition}`}`,
    alert.title,
    `about       ${alert.subject.kind} ${alert.subject.name} (${alert.subject.id})`,
    `rule        ${alert.source} ${alert.rule}${alert.rule_version === null ? '' : ` ${alert.rule_version}`}`,
    `evidence    ${alert.evidence_count}: ${alert.evidence.slice(0, 5).join(', ')}`,
    ...(alert.window_from === null ? [] : [`window      ${when(alert.window_from)} – ${when(alert.window_to)}`]),
    ...(alert.synthetic ? ['test        made by one; in no count'] : []),
    ...(alert.case === null ? [] : [`case        ${alert.case}`]),
    ...(alert.incident === null ? [] : [`incident    ${alert.incident}`]),
    `assignee    ${alert.assignee ?? '–'}`,
    `due         ${when(alert.acknowledge_due_at)} acknowledged, ${when(alert.close_due_at)} closed`,
    ...(alert.reason === '' ? [] : [`reason      ${alert.reason}`]),
    ...alert.told.map(({ channel, destination, status }) => `told        ${channel} ${destination}: ${status}`),
    ...alert.history.map(
      ({ ts, kind, actor, reason }) =>
        `${ts}  ${kind}  ${actor}${typeof reason === 'string' && reason !== '' ? `  ${reason}` : ''}`,
    ),
  ];
  return lines.map((line, i) => (i === 0 ? paint('bold', printable(line)) : printable(line))).join('\n');
}

async function act({ out, hivekey }: Run, id: string, what: string, body: object): Promise<undefined> {
  const alert = await hivekey.request<Alert>('POST', pathOf(id, `/${what}`), { body });
  out.result(
    alert,
    () => `${alert.id} is ${alert.status}${alert.disposition === null ? '' : `: ${alert.disposition}`}.`,
  );
  return undefined;
}

interface ListOptions {
  readonly all?: true;
  readonly overdue?: true;
  readonly severity?: string;
  readonly rule?: string;
  readonly about?: string;
  readonly assignee?: string;
  readonly tests?: true;
  readonly limit: number;
}

export function addAlertCommands(program: Command): void {
  const alerts = program.command('alerts').description('alerts: what asks for a person, and what was done about it');
  alerts
    .command('list')
    .description('those that are not closed, newest first')
    .option('--all', 'also those that are closed')
    .option('--overdue', 'only what was not done in time')
    .addOption(new Option('--severity <level>', 'at least this').choices(SEVERITIES))
    .option('--rule <rule>', 'of this rule')
    .option('--about <name>', 'about this agent, owner, sink, …')
    .option('--assignee <email>', 'given to this person')
    .option('--tests', 'also those that tests made')
    .option('--limit <n>', 'how many', wholeNumber, 50)
    .action(
      online<[], ListOptions>(async ({ out, hivekey }, options) => {
        const found: Alert[] = [];
        const query = {
          ...(options.all === true ? {} : { unclosed: true }),
          ...(options.overdue === true ? { overdue: true } : {}),
          severity: options.severity,
          rule: options.rule,
          subject: options.about,
          assignee: options.assignee,
          synthetic: options.tests === true ? 'include' : undefined,
          limit: Math.min(options.limit, 200),
        };
        for await (const alert of hivekey.each<Alert>('/v1/alerts', query)) {
          if (found.length === options.limit) break;
          found.push(alert);
        }
        out.table(found, ALERTS, 'There are none.');
        return undefined;
      }),
    );
  alerts
    .command('show <alert>')
    .description('an alert, who was told, and what was done')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, id) => {
        const alert = await hivekey.request<AlertDetail>('GET', pathOf(id));
        out.result(alert, () => textOf(alert));
        return undefined;
      }),
    );
  alerts
    .command('summary')
    .description('how many there are, and how quickly they are looked at')
    .action(
      online(async ({ out, hivekey }) => {
        const summary = await hivekey.request<AlertSummary>('GET', '/v1/alerts/summary');
        const of = (counts: AlertSummary['open']) =>
          SEVERITIES.toReversed()
            .filter((each) => counts[each] > 0)
            .map((each) => `${counts[each]} ${each}`)
            .join(', ') || 'none';
        const median = (seconds: number | null) => (seconds === null ? '–' : span(Math.round(seconds)));
        out.result(summary, () =>
          [
            `open           ${of(summary.open)}`,
            `not closed     ${of(summary.unclosed)}`,
            `overdue        ${summary.overdue_acknowledge} to acknowledge, ${summary.overdue_close} to close`,
            `${summary.days} days        ${summary.opened} opened; acknowledged after ${median(summary.median_acknowledge_seconds)}, closed after ${median(summary.median_close_seconds)} (medians)`,
          ].join('\n'),
        );
        return undefined;
      }),
    );
  alerts
    .command('ack <alert>')
    .description('say that you are looking at it')
    .option('--reason <text>', 'it stands in the log', '')
    .action(online<[string], { reason: string }>((run, { reason }, id) => act(run, id, 'acknowledge', { reason })));
  alerts
    .command('assign <alert> <person>')
    .description('give it to somebody')
    .option('--reason <text>', 'it stands in the log', '')
    .action(
      online<[string, string], { reason: string }>((run, { reason }, id, person) =>
        act(run, id, 'assign', { person, reason }),
      ),
    );
  alerts
    .command('triage <alert> <disposition>')
    .description(`say what it was: ${DISPOSITIONS.join(', ')}`)
    .requiredOption('--reason <text>', 'it stands in the log')
    .option('--of <alert>', 'of a duplicate: the alert that it repeats')
    .option('--close', 'and close it')
    .action(
      online<[string, string], { reason: string; of?: string; close?: true }>(
        (run, { reason, of, close }, id, disposition) =>
          act(run, id, 'triage', {
            disposition,
            reason,
            close: close === true,
            ...(of === undefined ? {} : { duplicate_of: of }),
          }),
      ),
    );
  for (const [name, what, description] of [
    ['close', 'close', 'close one that was judged'],
    ['reopen', 'reopen', 'look at it anew'],
  ] as const)
    alerts
      .command(`${name} <alert>`)
      .description(description)
      .requiredOption('--reason <text>', 'it stands in the log')
      .action(online<[string], { reason: string }>((run, { reason }, id) => act(run, id, what, { reason })));
  alerts
    .command('grade <alert> <severity>')
    .description('grade it, not below its floor')
    .requiredOption('--reason <text>', 'it stands in the log')
    .action(
      online<[string, string], { reason: string }>((run, { reason }, id, severity) =>
        act(run, id, 'severity', { severity, reason }),
      ),
    );
  alerts
    .command('quarantine <alert>')
    .description('hold the agent that it is about')
    .requiredOption('--reason <text>', 'it stands in the log')
    .option('--expires <duration>', 'when it ends by itself', duration)
    .action(
      online<[string], { reason: string; expires?: number }>(async ({ out, hivekey }, { reason, expires }, id) => {
        const body = { reason, ...(expires === undefined ? {} : { expires_in_seconds: expires }) };
        const made = await hivekey.request<{ readonly id: string; readonly agent: string }>(
          'POST',
          pathOf(id, '/quarantine'),
          { body },
        );
        out.result(made, () => `${made.agent} is in quarantine · ${made.id}`);
        return undefined;
      }),
    );
  alerts
    .command('stop <alert>')
    .description('stop what it is about; a proposal where that takes two people')
    .requiredOption('--reason <text>', 'it stands in the log')
    .action(
      online<[string], { reason: string }>(async ({ out, hivekey }, { reason }, id) => {
        const made = await hivekey.request<{ readonly object: string; readonly id: string }>(
          'POST',
          pathOf(id, '/stop'),
          {
            body: { reason },
          },
        );
        out.result(made, () =>
          made.object === 'containment' ? `Stopped · ${made.id}` : `Proposed: somebody else has to confirm ${made.id}.`,
        );
        return undefined;
      }),
    );
  alerts
    .command('cases')
    .description('alerts that belong together')
    .option('--all', 'also those that are closed')
    .action(
      online<[], { all?: true }>(async ({ out, hivekey }, { all }) => {
        const cases = await hivekey.all<AlertCase>('/v1/alert-cases', all === true ? {} : { unclosed: true });
        out.table(cases, CASES, 'There are none.');
        return undefined;
      }),
    );
  alerts
    .command('population')
    .description('all alerts of a period as CSV, those of tests marked')
    .option('--from <time>', 'opened from then on', moment)
    .option('--to <time>', 'until then', moment)
    .option('-o, --output <file>', 'where to write it')
    .action(
      online<[], { from?: string; to?: string; output?: string }>(async ({ out, hivekey }, { from, to, output }) => {
        const response = await hivekey.stream('GET', '/v1/alerts/population', { query: { from, to } });
        const table = await response.text();
        if (output === undefined) process.stdout.write(table);
        else {
          writeFileSync(output, table);
          out.note(`Written to ${output}.`);
        }
        return undefined;
      }),
    );
  alerts
    .command('settings [file]')
    .description('how soon alerts are looked at, and who is told; a JSON file sets it')
    .action(
      online<[string | undefined], object>(async ({ out, hivekey }, _, file) => {
        const settings =
          file === undefined
            ? await hivekey.request<AlertSettings>('GET', '/v1/alert-settings')
            : await hivekey.request<AlertSettings>('PUT', '/v1/alert-settings', { body: jsonObject(readText(file)) });
        out.result(settings, () => JSON.stringify(settings, null, 2));
        return undefined;
      }),
    );
}
