/** incidents: what was decided about alerts that were true, and what is changed because of them. */
import { writeFileSync } from 'node:fs';
import type { Incident, IncidentDetail, IncidentFollowUp, IncidentTimeline } from '@hivekey/sdk';
import { type Command, Option } from 'commander';
import { type Columns, paint, printable, when } from '../output.ts';
import { online, type Run } from '../run.ts';
import { moment, repeated } from '../values.ts';

const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const;

const INCIDENTS: Columns<Incident> = {
  id: ({ id }) => id,
  severity: ({ severity }) => severity,
  status: ({ status }) => status,
  title: ({ title, synthetic }) => printable(synthetic ? `[exercise] ${title}` : title),
  lead: ({ lead }) => lead,
  alerts: ({ alerts }) => String(alerts),
  'open follow-ups': ({ open_follow_ups: open }) => String(open),
  opened: ({ opened_at }) => when(opened_at),
};

const pathOf = (id: string, act = ''): string => `/v1/incidents/${encodeURIComponent(id)}${act}`;

function textOf(incident: IncidentDetail): string {
  const lines = [
    `${incident.id} · ${incident.severity} · ${incident.status}`,
    incident.title,
    ...(incident.summary === '' ? [] : [incident.summary]),
    `lead        ${incident.lead}`,
    `began       ${when(incident.began_at)}`,
    `opened      ${when(incident.opened_at)} by ${incident.opened_by}`,
    `decision    ${incident.decision ?? '– (needed to close it)'}`,
    `root cause  ${incident.root_cause ?? '– (needed to close it)'}`,
    ...incident.members.map(
      ({ id, severity, disposition, title }) =>
        `alert       ${id} · ${severity} · ${disposition ?? 'not judged'} · ${title}`,
    ),
    ...incident.links.map(({ kind, ref, name }) => `${kind.padEnd(12)}${name} (${ref})`),
    ...incident.follow_ups.map(
      ({ id, status, title, owner, due_at, change }) =>
        `follow-up   ${id} · ${status} · ${title} · ${owner} until ${when(due_at)}${change === null ? '' : ` · ${change.name}, ${change.status}`}`,
    ),
    ...(incident.close_reason === null
      ? []
      : [`closed      ${when(incident.closed_at)} by ${incident.closed_by}: ${incident.close_reason}`]),
  ];
  return lines.map((line, i) => (i === 0 ? paint('bold', printable(line)) : printable(line))).join('\n');
}

async function show(
  { out, hivekey }: Run,
  method: 'GET' | 'POST' | 'PATCH',
  path: string,
  body?: object,
): Promise<undefined> {
  const incident = await hivekey.request<IncidentDetail>(method, path, body === undefined ? {} : { body });
  out.result(incident, () => textOf(incident));
  return undefined;
}

interface Known {
  readonly reason: string;
  readonly title?: string;
  readonly summary?: string;
  readonly severity?: string;
  readonly lead?: string;
  readonly status?: string;
  readonly began?: string;
  readonly decision?: string;
  readonly rootCause?: string;
}

/** What was said; options of the command itself are not part of it. */
function given(members: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

export function addIncidentCommands(program: Command): void {
  const incidents = program
    .command('incidents')
    .description('incidents: timeline, decision, root cause, and what is changed because of it');
  incidents
    .command('list')
    .description('newest first')
    .addOption(new Option('--status <status>', 'only these').choices(['open', 'contained', 'closed']))
    .option('--exercises', 'also exercises')
    .action(
      online<[], { status?: string; exercises?: true }>(async ({ out, hivekey }, { status, exercises }) => {
        const query = { status, synthetic: exercises === true ? 'include' : undefined };
        out.table(await hivekey.all<Incident>('/v1/incidents', query), INCIDENTS, 'There are none.');
        return undefined;
      }),
    );
  incidents
    .command('open <title>')
    .description('of alerts, or of what nothing here has seen')
    .requiredOption('--reason <text>', 'it stands in the log')
    .option('--alert <id>', 'part of it; may be repeated', repeated)
    .addOption(new Option('--severity <level>', 'the highest of its alerts when absent').choices(SEVERITIES))
    .option('--lead <email>', 'who leads it; you when absent')
    .option('--summary <text>', 'what is known')
    .option('--began <time>', 'when it began', moment)
    .option('--exercise', 'it is one')
    .action(
      online<
        [string],
        {
          reason: string;
          alert?: string[];
          severity?: string;
          lead?: string;
          summary?: string;
          began?: string;
          exercise?: true;
        }
      >((run, { alert: alerts, began, exercise, reason, severity, lead, summary }, title) =>
        show(run, 'POST', '/v1/incidents', {
          title,
          ...given({ reason, severity, lead, summary, alerts, began_at: began, synthetic: exercise }),
        }),
      ),
    );
  incidents
    .command('show <incident>')
    .description('all that is known of it')
    .action(online<[string], object>((run, _, id) => show(run, 'GET', pathOf(id))));
  incidents
    .command('update <incident>')
    .description('say what is known: severity, lead, decision, root cause')
    .requiredOption('--reason <text>', 'it stands in the log')
    .option('--title <text>')
    .option('--summary <text>')
    .addOption(new Option('--severity <level>').choices(SEVERITIES))
    .option('--lead <email>')
    .addOption(new Option('--status <status>').choices(['open', 'contained']))
    .option('--began <time>', 'when it began', moment)
    .option('--decision <text>', 'what it is, and what follows')
    .option('--root-cause <text>', 'why it happened')
    .action(
      online<[string], Known>(
        (run, { began, rootCause, reason, title, summary, severity, lead, status, decision }, id) =>
          show(
            run,
            'PATCH',
            pathOf(id),
            given({ reason, title, summary, severity, lead, status, decision, began_at: began, root_cause: rootCause }),
          ),
      ),
    );
  incidents
    .command('note <incident> <text>')
    .description('write into the timeline')
    .option('--at <time>', 'when it was', moment)
    .action(
      online<[string, string], { at?: string }>(async ({ out, hivekey }, { at }, id, text) => {
        const body = at === undefined ? { text } : { text, at };
        const incident = await hivekey.request<Incident>('POST', pathOf(id, '/notes'), { body });
        out.result(incident, () => `Noted in ${incident.id}.`);
        return undefined;
      }),
    );
  for (const what of ['link', 'unlink'] as const)
    incidents
      .command(`${what} <incident> <kind> <ref>`)
      .description(
        what === 'link'
          ? 'it concerns this: alert, agent, approval, change, containment, quarantine or event'
          : 'it does not concern this',
      )
      .requiredOption('--reason <text>', 'it stands in the log')
      .action(
        online<[string, string, string], { reason: string }>((run, { reason }, id, kind, ref) =>
          show(run, 'POST', pathOf(id, what === 'link' ? '/links' : '/unlink'), { kind, ref, reason }),
        ),
      );
  incidents
    .command('follow-up <incident> <title>')
    .description('what is to be changed because of it')
    .requiredOption('--owner <email>', 'who does it')
    .requiredOption('--due <time>', 'until when', moment)
    .requiredOption('--reason <text>', 'it stands in the log')
    .option('--change <change>', 'by which change, e.g. CHG-12: done when that is in force')
    .action(
      online<[string, string], { owner: string; due: string; reason: string; change?: string }>(
        async ({ out, hivekey }, { owner, due, reason, change }, id, title) => {
          const body = given({ title, owner, due_at: due, reason, change });
          const made = await hivekey.request<IncidentFollowUp>('POST', pathOf(id, '/follow-ups'), { body });
          out.result(made, () => `${made.id} is for ${made.owner}, until ${when(made.due_at)}.`);
          return undefined;
        },
      ),
    );
  incidents
    .command('settle <incident> <follow-up> <status>')
    .description('a follow-up is done, dropped, or open again')
    .requiredOption('--reason <text>', 'it stands in the log')
    .action(
      online<[string, string, string], { reason: string }>(
        async ({ out, hivekey }, { reason }, id, followUp, status) => {
          const path = pathOf(id, `/follow-ups/${encodeURIComponent(followUp)}`);
          const made = await hivekey.request<IncidentFollowUp>('PATCH', path, { body: { status, reason } });
          out.result(made, () => `${made.id} is ${made.status}.`);
          return undefined;
        },
      ),
    );
  incidents
    .command('timeline <incident>')
    .description('what happened, in order, from the log')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, id) => {
        const timeline = await hivekey.request<IncidentTimeline>('GET', pathOf(id, '/timeline'));
        out.result(timeline, () =>
          timeline.entries
            .map(
              ({ at, actor, sentence, event_id: event }) =>
                `${paint('dim', at)}  ${printable(sentence)}  ${paint('dim', `${actor} ${event}`)}`,
            )
            .join('\n'),
        );
        return undefined;
      }),
    );
  incidents
    .command('close <incident>')
    .description('with a decision, a root cause, and every alert judged')
    .requiredOption('--reason <text>', 'it stands in the log')
    .option('--open-follow-ups <text>', 'why it is closed although follow-ups are open')
    .action(
      online<[string], { reason: string; openFollowUps?: string }>((run, { reason, openFollowUps: why }, id) =>
        show(run, 'POST', pathOf(id, '/close'), {
          reason,
          ...(why === undefined ? {} : { open_follow_ups_reason: why }),
        }),
      ),
    );
  incidents
    .command('reopen <incident>')
    .description('go on with it')
    .requiredOption('--reason <text>', 'it stands in the log')
    .action(
      online<[string], { reason: string }>((run, { reason }, id) =>
        show(run, 'POST', pathOf(id, '/reopen'), { reason }),
      ),
    );
  incidents
    .command('document <incident>')
    .description('all of it as one document')
    .addOption(new Option('--format <format>').choices(['json', 'markdown']).default('markdown'))
    .option('-o, --output <file>', 'where to write it')
    .action(
      online<[string], { format: string; output?: string }>(async ({ out, hivekey }, { format, output }, id) => {
        const response = await hivekey.stream('GET', pathOf(id, '/document'), { query: { format } });
        const document = await response.text();
        if (output === undefined) process.stdout.write(document);
        else {
          writeFileSync(output, document);
          out.note(`Written to ${output}.`);
        }
        return undefined;
      }),
    );
}
