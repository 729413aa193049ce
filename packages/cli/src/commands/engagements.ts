/** engagements: letting an audit firm in, answering what it asks for, and seeing what it looked at. */
import type { Engagement, EngagementAccess, EngagementPersonLetIn, EngagementRequest } from '@hivekey/sdk';
import type { Command } from 'commander';
import { UsageError } from '../exit.ts';
import { type Columns, paint, printable, when } from '../output.ts';
import { online } from '../run.ts';
import { moment, repeated } from '../values.ts';

const KINDS = ['report', 'bundle', 'sample', 'event'] as const;

const ENGAGEMENTS: Columns<Engagement> = {
  id: ({ id }) => id,
  firm: ({ firm }) => printable(firm),
  period: ({ period_from: from, period_to: to }) => `${from.slice(0, 10)} – ${to.slice(0, 10)}`,
  status: ({ status }) => status,
  people: ({ people }) => String(people.filter(({ removed_at }) => removed_at === null).length),
  waiting: ({ requests: { open, returned } }) => String(open + returned),
  ends: ({ expires_at, ended_at }) => when(ended_at ?? expires_at),
};

const REQUESTS: Columns<EngagementRequest> = {
  number: ({ number }) => String(number),
  id: ({ id }) => id,
  status: ({ status }) => status,
  title: ({ title }) => printable(title),
  about: ({ about }) => printable(about ?? ''),
  'waits for': ({ waits_for }) => waits_for ?? '',
  'waited for you': ({ customer_seconds: seconds }) => lasting(seconds),
  'waited for them': ({ firm_seconds: seconds }) => lasting(seconds),
};

const ACCESS: Columns<EngagementAccess> = {
  at: ({ at }) => at,
  who: ({ actor }) => printable(actor),
  what: ({ what }) => printable(what),
  record: ({ event_id }) => event_id,
};

function lasting(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  return hours < 48 ? `${hours} h ${Math.floor((seconds % 3600) / 60)} min` : `${Math.floor(hours / 24)} d`;
}

const pathOf = (id: string, more = ''): string => `/v1/engagements/${encodeURIComponent(id)}${more}`;

function textOf(engagement: Engagement): string {
  const {
    id,
    firm,
    firm_domain: domain,
    status,
    period_from: from,
    period_to: to,
    criteria,
    scope,
    people,
  } = engagement;
  const lines = [
    `${id} · ${firm} (${domain}) · ${status}`,
    `period      ${from} – ${to}`,
    `criteria    ${criteria.join(', ')}`,
    `scope       ${scope}`,
    engagement.ended_at === null
      ? `ends        ${when(engagement.expires_at)}`
      : `ended       ${when(engagement.ended_at)}${engagement.end_reason === null ? '' : `: ${engagement.end_reason}`}`,
    ...people.map(
      ({ email, passkeys, removed_at }) =>
        `person      ${email}${removed_at === null ? (passkeys === 0 ? ', not in yet' : '') : `, out since ${when(removed_at)}`}`,
    ),
  ];
  return lines.map((line, i) => (i === 0 ? paint('bold', printable(line)) : printable(line))).join('\n');
}

function letInText({ email, url }: EngagementPersonLetIn): string {
  return `Give this link to ${printable(email)} alone. It is shown once, and registers the passkey that they sign in with:\n${url}`;
}

/** `report:agents` and the like. Throws UsageError. */
function attachmentOf(text: string): { readonly kind: string; readonly ref: string } {
  const [kind = '', ...rest] = text.split(':');
  if (KINDS.some((each) => each === kind) && rest.length > 0) return { kind, ref: rest.join(':') };
  throw new UsageError(
    `"${text}" is nothing that can be given.`,
    `Write one of ${KINDS.join(', ')}, a colon, and its id.`,
  );
}

export function addEngagementCommands(program: Command): void {
  const engagements = program
    .command('engagements')
    .description('let an audit firm in, answer what it asks for, see what it looked at');
  engagements
    .command('list')
    .description('newest first')
    .action(
      online<[], object>(async ({ out, hivekey }) => {
        out.table(await hivekey.all<Engagement>('/v1/engagements'), ENGAGEMENTS, 'There are none.');
        return undefined;
      }),
    );
  engagements
    .command('open <firm>')
    .description('for a period and a time')
    .requiredOption('--domain <domain>', 'of the work e-mails of its people')
    .requiredOption('--from <time>', 'the period, inclusive', moment)
    .requiredOption('--to <time>', 'the period, exclusive', moment)
    .requiredOption('--criterion <id>', 'such as CC6.1; may be repeated', repeated)
    .requiredOption('--scope <text>', 'what is looked at and what is not')
    .requiredOption('--expires <time>', 'when it ends by itself', moment)
    .action(
      online<
        [string],
        { domain: string; from: string; to: string; criterion: string[]; scope: string; expires: string }
      >(async ({ out, hivekey }, { domain, from, to, criterion, scope, expires }, firm) => {
        const body = {
          firm,
          firm_domain: domain,
          period_from: from,
          period_to: to,
          criteria: criterion,
          scope,
          expires_at: expires,
        };
        const opened = await hivekey.request<Engagement>('POST', '/v1/engagements', { body });
        out.result(opened, () => textOf(opened));
        return undefined;
      }),
    );
  engagements
    .command('show <engagement>')
    .description('firm, period, scope, people')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, id) => {
        const engagement = await hivekey.request<Engagement>('GET', pathOf(id));
        out.result(engagement, () => textOf(engagement));
        return undefined;
      }),
    );
  engagements
    .command('update <engagement>')
    .description('say its scope in other words, or move its end')
    .requiredOption('--reason <text>', 'it stands in the log')
    .option('--scope <text>')
    .option('--expires <time>', 'when it ends by itself', moment)
    .action(
      online<[string], { reason: string; scope?: string; expires?: string }>(
        async ({ out, hivekey }, { reason, scope, expires }, id) => {
          const body = {
            reason,
            ...(scope === undefined ? {} : { scope }),
            ...(expires === undefined ? {} : { expires_at: expires }),
          };
          const changed = await hivekey.request<Engagement>('PATCH', pathOf(id), { body });
          out.result(changed, () => textOf(changed));
          return undefined;
        },
      ),
    );
  engagements
    .command('end <engagement>')
    .description('now: everybody of the firm is out')
    .requiredOption('--reason <text>', 'it stands in the log')
    .action(
      online<[string], { reason: string }>(async ({ out, hivekey }, { reason }, id) => {
        const ended = await hivekey.request<Engagement>('POST', pathOf(id, '/end'), { body: { reason } });
        out.result(ended, () => textOf(ended));
        return undefined;
      }),
    );
  engagements
    .command('add <engagement> <email>')
    .description('let a person of the firm in; prints the link that registers their passkey')
    .option('--again', 'another link for somebody who is in it')
    .action(
      online<[string, string], { again?: true }>(async ({ out, hivekey }, { again }, id, email) => {
        const path =
          again === true ? pathOf(id, `/people/${encodeURIComponent(email)}/invitations`) : pathOf(id, '/people');
        const body = again === true ? {} : { email };
        const letIn = await hivekey.request<EngagementPersonLetIn>('POST', path, { body });
        out.result(letIn, () => letInText(letIn));
        return undefined;
      }),
    );
  engagements
    .command('remove <engagement> <email>')
    .description('take a person out now')
    .action(
      online<[string, string], object>(async ({ out, hivekey }, _, id, email) => {
        const left = await hivekey.request<Engagement>('DELETE', pathOf(id, `/people/${encodeURIComponent(email)}`));
        out.result(left, () => textOf(left));
        return undefined;
      }),
    );
  engagements
    .command('requests <engagement>')
    .description('what the auditor has asked for')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, id) => {
        const asked = await hivekey.all<EngagementRequest>(pathOf(id, '/requests'));
        out.table(asked, REQUESTS, 'Nothing was asked for.');
        return undefined;
      }),
    );
  for (const [act, done, words] of [
    ['provide', 'provided', 'give what a request asks for'],
    ['comment', 'commented', 'say something about a request'],
  ] as const)
    engagements
      .command(`${act} <engagement> <request> [text]`)
      .description(words)
      .option('--attach <kind:id>', `${KINDS.join(', ')}, such as report:agents; may be repeated`, repeated)
      .action(
        online<[string, string, string | undefined], { attach?: string[] }>(
          async ({ out, hivekey }, { attach = [] }, id, request, text = '') => {
            const body = { act: done, text, attachments: attach.map(attachmentOf) };
            const path = pathOf(id, `/requests/${encodeURIComponent(request)}/acts`);
            const moved = await hivekey.request<EngagementRequest>('POST', path, { body });
            out.result(moved, () => `Request ${moved.number} is ${moved.status}.`);
            return undefined;
          },
        ),
      );
  engagements
    .command('access <engagement>')
    .description('what its people looked at and did, newest first')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, id) => {
        const seen = await hivekey.all<EngagementAccess>(pathOf(id, '/access'));
        out.table(seen, ACCESS, 'Nothing yet.');
        return undefined;
      }),
    );
}
