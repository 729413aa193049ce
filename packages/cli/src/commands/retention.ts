/** retention: how long records are kept, what is let go, what is taken out; holds: what must stay. */
import { writeFileSync } from 'node:fs';
import type {
  Disposal,
  ErasureReport,
  HoldScope,
  LegalHold,
  PlaceOutside,
  RetentionClass,
  RetentionPreview,
  RetentionRequest,
  RetentionSettings,
} from '@hivekey/sdk';
import type { Command } from 'commander';
import { UsageError } from '../exit.ts';
import { type Columns, when } from '../output.ts';
import { online } from '../run.ts';
import { moment, repeated } from '../values.ts';

const CLASSES: readonly RetentionClass[] = [
  'calls',
  'results',
  'approvals',
  'policy',
  'security',
  'administrative',
  'reads',
  'system',
];

interface ClassLine {
  readonly name: RetentionClass;
  readonly days: number | null;
  readonly floor: number;
}

const PERIODS: Columns<ClassLine> = {
  class: ({ name }) => name,
  kept: ({ days }) => (days === null ? 'for ever' : `${days} days`),
  'at least': ({ floor }) => `${floor} days`,
};

const PREVIEW: Columns<RetentionPreview['classes'][number]> = {
  class: ({ class: name }) => name,
  'may go': ({ due }) => String(due),
  stays: ({ stays }) => countsText(stays) || '–',
  oldest: ({ oldest }) => when(oldest),
};

const REQUESTS: Columns<RetentionRequest> = {
  id: ({ id }) => id,
  status: ({ status }) => status,
  what: (request) => whatText(request),
  asked: ({ requested_by_person, requested_at }) => `${requested_by_person}, ${when(requested_at)}`,
  answered: ({ answered_by_person }) => answered_by_person ?? '–',
  reason: ({ reason }) => reason,
};

const DISPOSALS: Columns<Disposal> = {
  id: ({ id }) => id,
  status: ({ status }) => status,
  removed: ({ removed }) => String(removed),
  stayed: ({ kept }) => (kept === null ? '–' : countsText(kept.reasons) || 'nothing'),
  by: ({ actor }) => actor,
  ended: ({ ended_at }) => when(ended_at),
};

const HOLDS: Columns<LegalHold> = {
  id: ({ id }) => id,
  status: ({ status }) => status,
  matter: ({ matter, kind }) => (kind === 'evidence' ? `${matter} (evidence)` : matter),
  of: ({ scope }) => scopeText(scope),
  until: ({ until }) => (until === null ? 'released' : when(until)),
  placed: ({ placed_by_person, placed_at }) => `${placed_by_person}, ${when(placed_at)}`,
  released: ({ released_by_person }) => released_by_person ?? '–',
};

const OUTSIDE: Columns<PlaceOutside> = {
  place: ({ place }) => place,
  name: ({ name }) => name,
  what: ({ what }) => what,
};

const RECORDS: Columns<ErasureReport['records'][number]> = {
  class: ({ class: name }) => name,
  as: ({ as }) => as,
  count: ({ count }) => String(count),
  newest: ({ newest }) => when(newest),
  until: ({ until }) => (until === null ? 'for ever' : when(until)),
  why: ({ why }) => why,
};

function countsText(counts: Readonly<Partial<Record<string, number>>>): string {
  return Object.entries(counts)
    .map(([why, count]) => `${count} ${why.replaceAll('_', ' ')}`)
    .join(', ');
}

function scopeText(scope: HoldScope): string {
  return Object.entries(scope)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}

function whatText({ periods, redaction }: RetentionRequest): string {
  if (redaction !== null) return `take ${redaction.fields.join(', ')} out of ${redaction.events.length} events`;
  const kept = CLASSES.flatMap((name) => (periods?.[name] == null ? [] : [`${name} ${periods[name]} days`]));
  return `keep ${kept.join(', ') || 'everything for ever'}`;
}

function waitsText(request: RetentionRequest): string {
  return `${request.id} waits: ${whatText(request)}. Another person approves it: hivekey retention approve ${request.id}`;
}

function settingsText(settings: RetentionSettings): ClassLine[] {
  return CLASSES.map((name) => ({ name, days: settings.periods[name], floor: settings.floors[name] }));
}

/** `calls=400`, `calls=forever`. */
function periodsOf(given: readonly string[]): Partial<Record<RetentionClass, number | null>> {
  const periods: Partial<Record<RetentionClass, number | null>> = {};
  for (const text of given) {
    const [name = '', value = ''] = text.split('=');
    const known = CLASSES.find((each) => each === name);
    const days = value === 'forever' ? null : Number(value);
    if (known === undefined || (days !== null && (!Number.isSafeInteger(days) || days < 1)))
      throw new UsageError(
        `${text} is no period.`,
        `Write CLASS=DAYS or CLASS=forever; classes: ${CLASSES.join(', ')}.`,
      );
    periods[known] = days;
  }
  return periods;
}

const requestPath = (id: string, what: string): string => `/v1/retention/requests/${encodeURIComponent(id)}/${what}`;

export function addRetentionCommands(program: Command): void {
  const retention = program.command('retention').description('how long records are kept, and what is let go');
  addSettingsCommands(retention);
  addRequestCommands(retention);
  addDisposalCommands(retention);
  addPrivacyCommands(retention);
  addHoldCommands(program);
}

function addSettingsCommands(retention: Command): void {
  retention
    .command('show', { isDefault: true })
    .description('the periods')
    .action(
      online<[], object>(async ({ out, hivekey }) => {
        const settings = await hivekey.request<RetentionSettings>('GET', '/v1/retention');
        out.table(settingsText(settings), PERIODS, '');
        return undefined;
      }),
    );
  retention
    .command('set <periods...>')
    .description('change periods; a shorter one waits for a second person')
    .requiredOption('--reason <text>', 'why; it stands in the log')
    .addHelpText(
      'after',
      '\nExample:\n  hivekey retention set calls=730 results=730 reads=400 --reason "policy of 2026"',
    )
    .action(
      online<[string[]], { reason: string }>(async ({ out, hivekey }, { reason }, given) => {
        const body = { periods: periodsOf(given), reason };
        const answer = await hivekey.request<RetentionSettings | RetentionRequest>('PUT', '/v1/retention', { body });
        out.result(answer, () =>
          answer.object === 'retention_request' ? waitsText(answer) : 'The periods are changed.',
        );
        return undefined;
      }),
    );
  retention
    .command('preview')
    .description('what a disposal would let go now, and what stays')
    .action(
      online<[], object>(async ({ out, hivekey }) => {
        const preview = await hivekey.request<RetentionPreview>('GET', '/v1/retention/preview');
        for (const { what, name, through } of preview.behind)
          out.note(`Nothing behind entry ${through} goes: the ${what} ${name} has not come further.`);
        out.table(preview.classes, PREVIEW, 'Nothing has outlived its period.');
        return undefined;
      }),
    );
}

function addRequestCommands(retention: Command): void {
  retention
    .command('requests')
    .description('what waited or waits for a second person')
    .action(
      online<[], object>(async ({ out, hivekey }) => {
        out.table(await hivekey.all<RetentionRequest>('/v1/retention/requests'), REQUESTS, 'There are none.');
        return undefined;
      }),
    );
  for (const [name, description] of [
    ['approve', 'approve it, as another person than asked for it: it happens now'],
    ['withdraw', 'withdraw it; nothing has happened'],
  ] as const)
    retention
      .command(`${name} <request>`)
      .description(description)
      .action(
        online<[string], object>(async ({ out, hivekey }, _, id) => {
          const done = await hivekey.request<RetentionRequest>('POST', requestPath(id, name), { body: {} });
          out.result(done, () => `${done.id} is ${done.status}.`);
          return undefined;
        }),
      );
}

function addDisposalCommands(retention: Command): void {
  retention
    .command('dispose')
    .description('let go now of what has outlived its period')
    .action(
      online<[], object>(async ({ out, hivekey }) => {
        const done = await hivekey.request<Disposal>('POST', '/v1/disposals', { body: {} });
        out.result(
          done,
          () => `${done.removed} payloads are gone. The certificate: hivekey retention certificate ${done.id}`,
        );
        return undefined;
      }),
    );
  retention
    .command('disposals')
    .description('what was let go')
    .action(
      online<[], object>(async ({ out, hivekey }) => {
        out.table(await hivekey.all<Disposal>('/v1/disposals'), DISPOSALS, 'Nothing was let go yet.');
        return undefined;
      }),
    );
  retention
    .command('certificate <disposal>')
    .description('the signed certificate, to keep and to hand on')
    .option('-o, --output <file>', 'write it there, byte for byte')
    .action(
      online<[string], { output?: string }>(async ({ out, hivekey }, { output }, id) => {
        const path = `/v1/disposals/${encodeURIComponent(id)}/certificate`;
        const text = await (await hivekey.stream('GET', path)).text();
        if (output === undefined) process.stdout.write(`${text}\n`);
        else {
          writeFileSync(output, text);
          out.note(`Written to ${output}. To check it: hivekey verify ${output} --key KEY`);
        }
        return undefined;
      }),
    );
}

function addPrivacyCommands(retention: Command): void {
  retention
    .command('redact <event...>')
    .description('ask for fields to be taken out of events; another person approves it')
    .requiredOption('--field <name>', 'such as args, args.iban or reason; repeatable', repeated)
    .requiredOption('--reason <text>', 'why, without the content; it stands in the log')
    .action(
      online<[string[]], { field: string[]; reason: string }>(async ({ out, hivekey }, { field, reason }, events) => {
        const body = { events, fields: field, reason };
        const request = await hivekey.request<RetentionRequest>('POST', '/v1/redactions', { body });
        out.result(request, () => waitsText(request));
        return undefined;
      }),
    );
  retention
    .command('outside')
    .description('where copies of records went that only you can remove')
    .action(
      online<[], object>(async ({ out, hivekey }) => {
        const { data } = await hivekey.request<{ data: PlaceOutside[] }>('GET', '/v1/redactions/outside');
        out.table(data, OUTSIDE, 'There are none.');
        return undefined;
      }),
    );
  retention
    .command('person <e-mail>')
    .description('what is kept of a person, why, and until when')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, person) => {
        const path = `/v1/people/${encodeURIComponent(person)}/erasure-report`;
        const report = await hivekey.request<ErasureReport>('GET', path);
        for (const { matter, id } of report.holds) out.note(`Held by ${id}: ${matter}.`);
        for (const { what, count, why, until } of report.elsewhere)
          out.note(`${count} ${what}: ${why}; until ${until}.`);
        out.table(report.records, RECORDS, `The log has no record of ${report.person}.`);
        return undefined;
      }),
    );
}

interface HoldFlags {
  readonly matter: string;
  readonly reason: string;
  readonly agent?: string;
  readonly owner?: string;
  readonly session?: string;
  readonly runId?: string;
  readonly from?: string;
  readonly to?: string;
  readonly until?: string;
  readonly evidence?: true;
}

function addHoldCommands(program: Command): void {
  const holds = program.command('holds').description('legal holds: records that are neither pruned nor redacted');
  holds
    .command('list', { isDefault: true })
    .description('all of them')
    .action(
      online<[], object>(async ({ out, hivekey }) => {
        out.table(await hivekey.all<LegalHold>('/v1/legal-holds'), HOLDS, 'Nothing is held.');
        return undefined;
      }),
    );
  holds
    .command('place')
    .description('hold records that are there, and those to come')
    .requiredOption('--matter <text>', 'what it is for')
    .requiredOption('--reason <text>', 'why')
    .option('--agent <agent>', 'of this agent')
    .option('--owner <e-mail>', 'of agents of this person at that time')
    .option('--session <id>', 'of this session')
    .option('--run-id <id>', 'of this run')
    .option('--from <time>', 'from then on', moment)
    .option('--to <time>', 'before then', moment)
    .option('--until <time>', 'it ends by itself then', moment)
    .option('--evidence', 'for an audit, not for a court')
    .addHelpText(
      'after',
      '\nExample:\n  hivekey holds place --matter "Acme v. Bolt" --reason "claim of 3 March" --agent billing-bot',
    )
    .action(
      online<[], HoldFlags>(async ({ out, hivekey }, { matter, reason, until, evidence, runId, ...rest }) => {
        const { agent, owner, session, from, to } = rest;
        const scope = { agent, owner, session, run: runId, from, to };
        const body = { kind: evidence === true ? 'evidence' : 'legal', matter, reason, scope, until };
        const hold = await hivekey.request<LegalHold>('POST', '/v1/legal-holds', { body });
        out.result(hold, () => `${hold.id} holds ${scopeText(hold.scope)}.`);
        return undefined;
      }),
    );
  holds
    .command('release <hold>')
    .description('release it, as another person than placed it')
    .requiredOption('--reason <text>', 'why')
    .action(
      online<[string], { reason: string }>(async ({ out, hivekey }, { reason }, id) => {
        const path = `/v1/legal-holds/${encodeURIComponent(id)}/release`;
        const hold = await hivekey.request<LegalHold>('POST', path, { body: { reason } });
        out.result(hold, () => `${hold.id} is ${hold.status}.`);
        return undefined;
      }),
    );
}
