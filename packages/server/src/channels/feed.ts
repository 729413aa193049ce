/** Which messages a record of the log asks for. */
import { z } from 'zod';
import { ADOPTED_KINDS, type AlertSettings, isTold } from '../alerts/index.ts';
import type { FullApproval } from '../approvals/index.ts';
import type { LogRecord } from '../log/index.ts';
import { alertFacts, changeFacts, delegationFacts, type NoticeFacts, noticeFacts, transferFacts } from './facts.ts';
import type { NewMessage } from './outbox.ts';
import { raisedFacts } from './raised-facts.ts';
import type { Channel } from './store.ts';

export interface Wanted {
  readonly messages: readonly NewMessage[];
  /** What was posted of this approval is out of date. */
  readonly renews?: string;
}

/** What is read when it is needed. */
export interface Sources {
  approval(id: string): Promise<FullApproval>;
  /** Slack users of those of these people who have accounts in the team of the channel. */
  slackUsers(emails: readonly string[]): Promise<readonly string[]>;
  alertSettings(): Promise<AlertSettings>;
}

const NOTHING: Wanted = { messages: [] };

const approvalRecord = z.object({ approval_id: z.string() });

/** Records of other kinds, and those that are not known yet, ask for nothing. */
export async function wantedBy(record: LogRecord, channel: Channel, sources: Sources): Promise<Wanted> {
  // What a test made up is told as an alert of a test, and as nothing else.
  if (record.synthetic === true && !record.kind.startsWith('alert.')) return NOTHING;
  switch (record.kind) {
    case 'approval.requested':
      return requested(record, channel, await sources.approval(idOf(record)));
    case 'approval.decided':
    case 'approval.granted':
    case 'approval.released':
    case 'approval.finished':
    case 'approval.stopped':
    case 'approval.expired':
    case 'approval.cancelled':
      // A mail cannot be taken back; what waits to be sent is looked at again when it is.
      return channel.kind === 'slack' ? { messages: [], renews: idOf(record) } : NOTHING;
    case 'approval.reminded':
    case 'approval.escalated':
      return told(record, channel, await sources.approval(idOf(record)));
    case 'delegation.created':
    case 'delegation.ended':
      return delegated(record, channel, sources);
    case 'transfer.opened':
    case 'transfer.reminded':
    case 'transfer.escalated':
    case 'transfer.closed':
    case 'transfer.proposed':
      return transferred(record, channel, sources);
    case 'break_glass.used':
    case 'break_glass.changed':
    case 'drift.found':
    case 'blast_radius.exceeded':
    case 'blast_radius.differs':
      return alerted(record, channel);
    case 'change.submitted':
    case 'change.overdue':
      return changed(record, channel);
    case 'alert.opened':
      return opened(record, channel, sources);
    case 'alert.assigned':
      return assigned(record, channel, sources);
    case 'alert.escalated':
      return alerted(record, channel);
    default:
      return NOTHING;
  }
}

function idOf(record: LogRecord): string {
  return approvalRecord.parse(record).approval_id;
}

function requested({ event_id: eventId }: LogRecord, channel: Channel, approval: FullApproval): Wanted {
  const destinations = channel.kind === 'slack' ? placesOf(channel, approval, []) : decidersOf(approval);
  const approvalId = approval.id;
  return {
    messages: destinations.map((destination) => ({ purpose: 'request', destination, approvalId, eventId })),
  };
}

function told(record: LogRecord, channel: Channel, approval: FullApproval): Wanted {
  const facts = noticeFacts.parse(record);
  const purpose = record.kind === 'approval.reminded' ? 'reminder' : 'escalation';
  const common = { approvalId: approval.id, eventId: record.event_id };
  if (channel.kind === 'email')
    return { messages: [...new Set(facts.to)].map((destination) => ({ purpose, destination, facts, ...common })) };
  // Where an escalation first reaches a place, the request itself comes with it.
  return {
    messages: placesOf(channel, approval, groupsNamed(facts)).flatMap((destination): NewMessage[] => [
      { purpose: 'request', destination, ...common },
      { purpose, destination, facts, ...common },
    ]),
  };
}

function groupsNamed({ named }: NoticeFacts): readonly string[] {
  return named.filter((name) => !name.includes('@'));
}

async function delegated(record: LogRecord, channel: Channel, sources: Sources): Promise<Wanted> {
  const facts = delegationFacts.parse({ ...record, ended: record.kind === 'delegation.ended' });
  const people = [facts.from, facts.to];
  const destinations = channel.kind === 'slack' ? await sources.slackUsers(people) : people;
  return {
    messages: destinations.map((destination) => ({
      purpose: 'delegation',
      destination,
      approvalId: null,
      eventId: record.event_id,
      facts,
    })),
  };
}

/** Where nobody who is concerned has an account, it is told in the common place; an offer is its receiver’s alone. */
async function transferred(record: LogRecord, channel: Channel, sources: Sources): Promise<Wanted> {
  const facts = transferFacts.parse(record);
  // A task that ends because all agents have owners asks for nothing.
  if (record.kind === 'transfer.closed' && facts.retired_count === null) return NOTHING;
  let destinations: readonly string[] = [...new Set(facts.to)];
  if (channel.kind === 'slack') {
    destinations = await sources.slackUsers(facts.to);
    if (destinations.length === 0 && record.kind !== 'transfer.proposed') destinations = [channel.settings.channel];
  }
  return {
    messages: destinations.map((destination) => ({
      purpose: 'transfer',
      destination,
      approvalId: null,
      eventId: record.event_id,
      facts,
    })),
  };
}

/** In Slack in the common place, by mail to each administrator: an alert that somebody could keep to themselves is none. */
function alerted(record: LogRecord, channel: Channel): Wanted {
  const facts = alertFacts.parse(record);
  const destinations = channel.kind === 'slack' ? [channel.settings.channel] : [...new Set(facts.to)];
  const eventId = record.event_id;
  return {
    messages: destinations.map((destination) => ({ purpose: 'alert', destination, approvalId: null, eventId, facts })),
  };
}

/** Where the workspace wants to hear of it. What is told as what it is, whatever is set, is not told a second time. */
async function opened(record: LogRecord, channel: Channel, sources: Sources): Promise<Wanted> {
  const alert = openedAlert.parse(record);
  if (alert.source !== 'detection' && ADOPTED_KINDS.has(alert.rule)) return NOTHING;
  return isTold(await sources.alertSettings(), channel.kind, alert, new Date(alert.ts))
    ? alerted(record, channel)
    : NOTHING;
}

const openedAlert = z.object({
  source: z.string(),
  rule: z.string(),
  severity: raisedFacts.shape.severity,
  subject: z.object({ id: z.string() }),
  ts: z.string(),
});

/** To whom it was given, unless they took it themselves; nobody else is bothered. */
async function assigned(record: LogRecord, channel: Channel, sources: Sources): Promise<Wanted> {
  const facts = raisedFacts.parse(record);
  const destinations = channel.kind === 'slack' ? await sources.slackUsers(facts.to) : facts.to;
  return {
    messages: destinations.map((destination) => ({
      purpose: 'alert',
      destination,
      approvalId: null,
      eventId: record.event_id,
      facts,
    })),
  };
}

/** What needs nobody asks for nothing. */
function changed(record: LogRecord, channel: Channel): Wanted {
  const { to } = changeFacts.parse(record);
  return to.length === 0 ? NOTHING : alerted(record, channel);
}

/** The places of the groups that must be spoken for or were named; the common one where a group has none, or no group is asked. */
function placesOf(
  { settings }: Extract<Channel, { kind: 'slack' }>,
  { requirement }: FullApproval,
  named: readonly string[],
): readonly string[] {
  const groups = [...requirement.groups, ...named];
  const places = groups.map((group) =>
    Object.hasOwn(settings.group_channels, group) ? settings.group_channels[group] : settings.channel,
  );
  const open = requirement.people > requirement.groups.length;
  return [...new Set([...places, ...(open ? [settings.channel] : [])])].filter((place) => place !== undefined);
}

function decidersOf({ deciders }: FullApproval): readonly string[] {
  return [...new Set(deciders.filter(({ may }) => may).map(({ person }) => person))];
}
