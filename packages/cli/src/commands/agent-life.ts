/** agent: how one comes about, what it is made of, and who gave it what. */
import type { AgentAuthority, AgentRequest, AgentSettings, AgentVersion, UnregisteredIdentity } from '@hivekey/sdk';
import { type Command, InvalidArgumentError } from 'commander';
import { type Columns, stateLabel, when } from '../output.ts';
import { online } from '../run.ts';
import { jsonArgument, moment, repeated, wholeNumber } from '../values.ts';

/** What `create`, `update` and `request` share. */
export interface Made {
  readonly riskTier?: string;
  readonly validUntil?: number | 'never';
  readonly attributes?: Readonly<Record<string, unknown>>;
}

export function withMade(command: Command): Command {
  return command
    .option('--risk-tier <tier>', 'low, medium, high or critical')
    .option('--valid-until <date>', 'from then on it does nothing; never: no end', ending)
    .option('--attributes <json>', 'what it is made of: model, prompt_version, tools, …; @FILE reads it', jsonArgument);
}

export function madeOf({ riskTier, validUntil, attributes }: Made): Record<string, unknown> {
  return {
    ...(riskTier === undefined ? {} : { risk_tier: riskTier }),
    ...(validUntil === undefined ? {} : { valid_until: validUntil === 'never' ? null : validUntil }),
    ...(attributes === undefined ? {} : { attributes }),
  };
}

function ending(text: string): number | 'never' {
  return text === 'never' ? text : Math.floor(Date.parse(moment(text)) / 1000);
}

const pathOf = (agent: string): string => `/v1/agents/${encodeURIComponent(agent)}`;
const requestPath = (id: string): string => `/v1/agent-requests/${encodeURIComponent(id)}`;

const REQUESTS: Columns<AgentRequest> = {
  id: ({ id }) => id,
  agent: ({ name }) => name,
  status: ({ status }) => status,
  roles: ({ roles }) => roles.join(', '),
  owner: ({ owner }) => owner,
  'asked by': ({ requested_by }) => requested_by,
  asked: ({ requested_at }) => when(requested_at),
  until: ({ expires_at }) => when(expires_at),
  reason: ({ reason }) => reason,
};

interface Asked extends Made {
  readonly role: readonly string[];
  readonly owner: string;
  readonly reason: string;
  readonly deputy?: readonly string[];
  readonly description?: string;
}

function addRequestCommands(agent: Command): void {
  withMade(
    agent
      .command('request <name>')
      .description('ask for an agent; somebody else lets it in')
      .requiredOption('--role <role>', 'role it is to wear; repeatable', repeated)
      .requiredOption('--owner <email>', 'the person who will be accountable for it')
      .requiredOption('--reason <text>', 'what it is for')
      .option('--deputy <who>', 'stands in for the owner: an e-mail or a group; repeatable', repeated)
      .option('--description <text>', 'as it stands in the inventory'),
  ).action(
    online<[string], Asked>(async ({ out, hivekey }, { role, owner, reason, deputy, description, ...made }, name) => {
      const body = {
        name,
        roles: role,
        owner,
        reason,
        ...(deputy === undefined ? {} : { deputies: deputy }),
        ...(description === undefined ? {} : { description }),
        ...madeOf(made),
      };
      const request = await hivekey.request<AgentRequest>('POST', '/v1/agent-requests', { body });
      out.result(request, () => `${request.name} is asked for until ${when(request.expires_at)} (${request.id}).`);
      out.note(`Somebody else: hivekey agent approve ${request.id}`);
      return undefined;
    }),
  );
  agent
    .command('requests')
    .description('agents that are asked for; --all for every request')
    .option('--all', 'also those that are answered')
    .action(
      online<[], { all?: boolean }>(async ({ out, hivekey }, { all }) => {
        const status = all === true ? undefined : 'requested';
        out.table(
          await hivekey.all<AgentRequest>('/v1/agent-requests', { status }),
          REQUESTS,
          'No agent is asked for.',
        );
        return undefined;
      }),
    );
  for (const [verb, description, done] of [
    ['approve', 'let an agent in that somebody else asked for', 'is in'],
    ['deny', 'refuse an agent', 'is refused'],
    ['withdraw', 'take a request of your own back', 'is not asked for any more'],
  ] as const)
    agent
      .command(`${verb} <request>`)
      .description(description)
      .option('--reason <text>', 'why')
      .action(
        online<[string], { reason?: string }>(async ({ out, hivekey }, { reason }, id) => {
          const body = reason === undefined ? {} : { reason };
          const answered = await hivekey.request<AgentRequest>('POST', `${requestPath(id)}/${verb}`, { body });
          out.result(answered, () => `${answered.name} ${done}.`);
          if (verb === 'approve') out.note(`Next: hivekey token create ${answered.name}`);
          return undefined;
        }),
      );
}

const VERSIONS: Columns<AgentVersion> = {
  version: ({ version }) => String(version),
  from: ({ created }) => when(created),
  by: ({ author }) => author,
  changed: ({ changes }) =>
    Object.entries(changes)
      .map(([name, [before, after]]) => `${name}: ${shown(before)} → ${shown(after)}`)
      .join('; '),
};

function shown(value: unknown): string {
  if (value === null || value === undefined) return '–';
  return Array.isArray(value) ? value.join(' ') : String(value);
}

function described(authority: AgentAuthority): string {
  const { summary, at, admission, created, owner, roles, version, credentials, deputies, quarantines, stops } =
    authority;
  const of = (event: string | null) => event ?? 'no record';
  const lines: (readonly [string, string])[] = [['as at', at]];
  if (admission !== null)
    lines.push(
      ['asked for', `${when(admission.requested_at)} by ${admission.requested_by} · ${of(admission.requested_event)}`],
      ['let in', `${when(admission.approved_at)} by ${admission.approved_by} · ${of(admission.approved_event)}`],
    );
  if (created !== null) lines.push(['created', `${when(created.at)} by ${created.by} · ${of(created.event)}`]);
  if (owner !== null)
    lines.push(['owner', `${owner.owner} since ${when(owner.since)}, by ${owner.given_by} · ${of(owner.event)}`]);
  for (const { role, granted_at, granted_by, event, revision } of roles) {
    lines.push(['role', `${role}, given ${when(granted_at)} by ${granted_by} · ${of(event)}`]);
    lines.push([
      '',
      revision === null
        ? 'no record of what it allowed'
        : `revision ${revision.revision} by ${revision.author}, ${when(revision.at)} · ${of(revision.event)}: ${revision.allow.join(', ')}`,
    ]);
  }
  if (version !== null)
    lines.push(['version', `${version.version} by ${version.author}, ${when(version.at)} · ${of(version.event)}`]);
  for (const { id, name, created_by, created_at, event } of credentials)
    lines.push([
      'credential',
      `${name === '' ? id : `${name} (${id})`}, ${when(created_at)} by ${created_by} · ${of(event)}`,
    ]);
  for (const { name, added_by, added_at } of deputies)
    lines.push(['deputy', `${name}, named ${when(added_at)} by ${added_by}`]);
  for (const { id, actor, since, reason, event } of quarantines)
    lines.push(['quarantine', `${id}, ${when(since)} by ${actor}: ${reason} · ${of(event)}`]);
  for (const { id, scope, target, actor, ordered_at, reason, event } of stops)
    lines.push(['stop', `${id} of ${scope} ${target}, ${when(ordered_at)} by ${actor}: ${reason} · ${of(event)}`]);
  return [
    summary,
    ...lines.map(([name, value]) => `${(name === '' ? '' : `${name}:`).padEnd(14)}${value}`),
    ...authority.no_record,
  ].join('\n');
}

const STRANGERS: Columns<UnregisteredIdentity> = {
  id: ({ id }) => id,
  kind: ({ kind }) => kind.replaceAll('_', ' '),
  identity: ({ identity }) => identity,
  from: ({ source }) => source,
  count: ({ count }) => String(count),
  first: ({ first_seen }) => when(first_seen),
  last: ({ last_seen }) => when(last_seen),
  dismissed: ({ dismissed }) => (dismissed === null ? '' : `${dismissed.by}: ${dismissed.reason}`),
};

function addStrangerCommands(agent: Command): void {
  agent
    .command('unregistered')
    .description('who tried to act and is no agent here; --all with those that somebody has looked at')
    .option('--all', 'also those that are dismissed')
    .action(
      online<[], { all?: boolean }>(async ({ out, hivekey }, { all }) => {
        const dismissed = all === true ? undefined : 'false';
        const found = await hivekey.all<UnregisteredIdentity>('/v1/unregistered-identities', { dismissed });
        out.table(found, STRANGERS, 'Nobody but agents has tried.');
        return undefined;
      }),
    );
  agent
    .command('dismiss <id>')
    .description('say that you have looked at an unregistered identity')
    .requiredOption('--reason <text>', 'why that is all')
    .action(
      online<[string], { reason: string }>(async ({ out, hivekey }, { reason }, id) => {
        const path = `/v1/unregistered-identities/${encodeURIComponent(id)}/dismiss`;
        const seen = await hivekey.request<UnregisteredIdentity>('POST', path, { body: { reason } });
        out.result(seen, () => `${seen.identity} is dismissed; it is counted on.`);
        return undefined;
      }),
    );
}

interface Settings {
  readonly admission?: string;
  readonly requestHours?: number;
  readonly dormantDays?: number;
  readonly suspendDormant?: boolean;
  readonly warnDays?: number;
}

function yesOrNo(text: string): boolean {
  if (text === 'yes' || text === 'no') return text === 'yes';
  throw new InvalidArgumentError('Write yes or no.');
}

export function addAgentLifeCommands(agent: Command): void {
  addRequestCommands(agent);
  agent
    .command('authority <agent>')
    .description('who gave it what, when and on whose word')
    .option('--at <instant>', 'as at then: a date, a time, or how long ago', moment)
    .action(
      online<[string], { at?: string }>(async ({ out, hivekey }, { at }, name) => {
        const query = at === undefined ? '' : `?at=${encodeURIComponent(at)}`;
        const found = await hivekey.request<AgentAuthority>('GET', `${pathOf(name)}/authority${query}`);
        out.result(found, () => described(found));
        return undefined;
      }),
    );
  agent
    .command('versions <agent>')
    .description('what it is and was made of')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, name) => {
        const versions = await hivekey.all<AgentVersion>(`${pathOf(name)}/versions`);
        out.table(
          versions,
          VERSIONS,
          `Nothing was declared of ${name}: hivekey agent update ${name} --attributes JSON`,
        );
        return undefined;
      }),
    );
  addStrangerCommands(agent);
  agent
    .command('settings')
    .description('how agents come about, and when one counts as forgotten; without options, as it is')
    .option('--admission <how>', 'direct, or reviewed: only by a request that somebody else approves')
    .option('--request-hours <hours>', 'how long a request waits', wholeNumber)
    .option('--dormant-days <days>', 'without an action for that long an agent is dormant', wholeNumber)
    .option('--suspend-dormant <yes|no>', 'whether a dormant agent is suspended', yesOrNo)
    .option('--warn-days <days>', 'how long before its end an agent is warned of', wholeNumber)
    .action(
      online<[], Settings>(async ({ out, hivekey }, options) => {
        const wanted = {
          admission: options.admission,
          request_hours: options.requestHours,
          dormant_days: options.dormantDays,
          suspend_dormant: options.suspendDormant,
          warn_days: options.warnDays,
        };
        const body = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
        const settings =
          Object.keys(body).length === 0
            ? await hivekey.request<AgentSettings>('GET', '/v1/agent-settings')
            : await hivekey.request<AgentSettings>('PATCH', '/v1/agent-settings', { body });
        out.result(settings, () =>
          [
            `Agents are ${settings.admission === 'reviewed' ? 'let in by somebody else' : 'created directly'}; a request waits ${settings.request_hours} h.`,
            `After ${settings.dormant_days} days without an action one is dormant${settings.suspend_dormant ? ', and suspended' : ''}; of its end a record warns ${settings.warn_days} days before.`,
          ].join('\n'),
        );
        return undefined;
      }),
    );
}

export function lifeOf(agent: {
  readonly valid_until: number | null;
  readonly dormant_since: number | null;
  readonly version: number;
  readonly attention: readonly string[];
}): Record<string, string> {
  return {
    ...(agent.valid_until === null ? {} : { 'valid until': when(agent.valid_until) }),
    ...(agent.version === 0 ? {} : { version: String(agent.version) }),
    ...(agent.attention.length === 0 ? {} : { attention: agent.attention.map(labelled).join(', ') }),
  };
}

function labelled(attention: string): string {
  return stateLabel(attention).replaceAll('_', ' ');
}
