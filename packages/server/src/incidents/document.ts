/** An incident as one document, for people and for whoever asks for evidence. */
import type { Pool } from 'pg';
import { type AlertRow, listAlerts } from '../alerts/index.ts';
import type { WorkspaceId } from '../ids.ts';
import { type FollowUpView, followUpsOf } from './follow-ups.ts';
import { type IncidentRow, type LinkView, linksOf } from './incident.ts';
import { timelineOf } from './timeline.ts';

const MAX_ALERTS = 1_000;

export async function documentOf(pool: Pool, workspaceId: WorkspaceId, incident: IncidentRow, now: Date, by: string) {
  const [alerts, links, followUps, timeline] = await Promise.all([
    listAlerts(pool, workspaceId, { incident: incident.id, synthetic: 'include' }, undefined, MAX_ALERTS),
    linksOf(pool, workspaceId, incident.id),
    followUpsOf(pool, workspaceId, incident.id),
    timelineOf(pool, workspaceId, incident, now),
  ]);
  const { opened_us: _opened, lead_id: _lead, ...view } = incident;
  return {
    object: 'incident_document' as const,
    made_at: now.toISOString(),
    made_by: by,
    incident: view,
    alerts: alerts.map(alertOf),
    links,
    follow_ups: followUps,
    timeline,
  };
}

type IncidentDocument = Awaited<ReturnType<typeof documentOf>>;

function alertOf({ opened_us: _opened, assignee_id: _assignee, ...view }: AlertRow) {
  return view;
}

/** Markdown: what people wrote stands in it as text, whatever it looks like. */
export function markdownOf({
  incident,
  alerts,
  links,
  follow_ups: followUps,
  timeline,
  ...made
}: IncidentDocument): string {
  const facts: readonly (readonly [string, string])[] = [
    ['Incident', incident.id],
    ['Severity', incident.severity],
    ['Status', incident.status],
    ...(incident.synthetic ? [['Exercise', 'yes'] as const] : []),
    ['Lead', incident.lead],
    ['Began', moment(incident.began_at)],
    ['Opened', `${moment(incident.opened_at)} by ${incident.opened_by}`],
    ['Contained', moment(incident.contained_at)],
    ['Closed', incident.closed_at === null ? '–' : `${moment(incident.closed_at)} by ${incident.closed_by}`],
  ];
  return [
    `# ${text(incident.title)}`,
    '',
    table(['', ''], facts),
    ...part('Summary', incident.summary),
    ...part('Decision', decisionOf(incident)),
    ...part('Root cause', incident.root_cause ?? ''),
    ...part('Why it was closed', incident.close_reason ?? ''),
    '## Alerts',
    '',
    table(
      ['Alert', 'Rule', 'Severity', 'Opened', 'What', 'Disposition', 'Reason'],
      alerts.map((each) => [
        each.id,
        `${each.source} ${each.rule}`,
        each.severity,
        moment(each.opened_at),
        each.title,
        each.disposition ?? '–',
        each.reason,
      ]),
    ),
    '## Also concerned',
    '',
    table(
      ['Kind', 'Name', 'Id'],
      links.map((each: LinkView) => [each.kind, each.name, each.ref]),
    ),
    '## What is changed',
    '',
    table(
      ['Follow-up', 'Owner', 'Due', 'Status', 'Change'],
      followUps.map((each: FollowUpView) => [
        each.title,
        each.owner,
        moment(each.due_at),
        each.status,
        each.change === null ? '–' : `${each.change.name}, ${each.change.status}`,
      ]),
    ),
    '## Timeline',
    '',
    ...(timeline.complete ? [] : ['There is more of it than is shown here: the log has the rest.', '']),
    table(
      ['When', 'What', 'By', 'Record'],
      timeline.entries.map((each) => [each.at, each.sentence, each.actor, each.event_id]),
    ),
    `Made at ${made.made_at} by ${text(made.made_by)}. Each record can be proven: hivekey logs proof ID.`,
    '',
  ].join('\n');
}

function decisionOf({ decision, decided_by: by, decided_at: at }: IncidentDocument['incident']): string {
  return decision === null ? '' : `${decision}\n\n${by}, ${moment(at)}`;
}

function part(title: string, words: string): readonly string[] {
  const lines = words.split('\n').map((line) => (line.trim() === '' ? '>' : `> ${text(line)}`));
  return words === '' ? [] : [`## ${title}`, '', ...lines, ''];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return 'None.\n';
  const line = (cells: readonly string[]): string => `| ${cells.map(text).join(' | ')} |`;
  return [line(head), `|${head.map(() => ' --- |').join('')}`, ...rows.map(line), ''].join('\n');
}

function moment(seconds: number | null): string {
  return seconds === null ? '–' : new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}

/** As text on one line: no markup, no row or cell of its own, no list or quotation, nothing that cannot be seen. */
function text(words: string): string {
  return words
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll(/[\\`*_[\]#|~]/g, (character) => `\\${character}`)
    .replace(/^(\s*)([-+>])/, '$1\\$2')
    .replace(/^(\s*\d+)([.)])/, '$1\\$2');
}
