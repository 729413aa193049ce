/** Elastic Common Schema 9.4.0. What it has no field for stands under `hivekey`; `agent.*` is the shipper's and never used. */
import { hash } from 'node:crypto';
import { CHECKPOINT, type StreamEvent } from './event.ts';
import {
  type Act,
  actOf,
  type Ending,
  endingOf,
  type Level,
  levelOf,
  messageOf,
  type Subject,
  subjectOf,
  textOf,
} from './kinds.ts';
import { jsonLine } from './line.ts';
import { actingOf, addressOf, agentOf, type Party, peopleOf, personOf } from './who.ts';

const ECS_VERSION = '9.4.0';

/** Fields that stand whole in ECS's own, and are not repeated. */
const MOVED = new Set([
  'event_id',
  'kind',
  'ts',
  'workspace',
  'env',
  'agent',
  'agent_id',
  'reason',
  'model',
  'model_provider',
]);

const CATEGORIES: Readonly<Record<Subject, string>> = {
  call: 'api',
  result: 'api',
  approval: 'api',
  agent: 'iam',
  credential: 'iam',
  person: 'iam',
  group: 'iam',
  role: 'iam',
  configuration: 'configuration',
  session: 'authentication',
  finding: 'intrusion_detection',
  stream: 'configuration',
  other: 'configuration',
};

/** Of `iam` and `configuration`, which have no type for a verdict. */
const TYPES: Readonly<Record<Act, string>> = {
  create: 'creation',
  update: 'change',
  delete: 'deletion',
  enable: 'change',
  disable: 'change',
  lock: 'change',
  unlock: 'change',
  start: 'info',
  end: 'info',
  other: 'info',
};

const OUTCOMES: Readonly<Record<Ending, string>> = {
  success: 'success',
  failure: 'failure',
  held: 'unknown',
  unknown: 'unknown',
  not_attempted: 'failure',
};

/** Elastic's own levels. */
const SEVERITIES: Readonly<Record<Level, number>> = { informational: 1, low: 21, medium: 47, high: 73, critical: 99 };

export function ecsLine(event: StreamEvent): string {
  return jsonLine(ecsDocument(event));
}

function ecsDocument(event: StreamEvent): Record<string, unknown> {
  const { fields } = event;
  const subject = subjectOf(event.kind);
  const address = addressOf(event);
  return {
    '@timestamp': new Date(event.time).toISOString(),
    ecs: { version: ECS_VERSION },
    message: messageOf(event),
    event: eventFields(event, subject),
    ...agentFields(event, subject),
    ...userFields(event, subject),
    ...(address === undefined ? {} : { source: { ip: address } }),
    organization: { id: textOf(fields.workspace) },
    ...ruleFields(event, subject),
    service: { name: 'hivekey', environment: textOf(fields.env), type: 'agent-governance' },
    hivekey: namespace(event),
  };
}

function eventFields(event: StreamEvent, subject: Subject): Record<string, unknown> {
  const { id, kind, place, raw, fields } = event;
  const start = textOf(fields.requested_at ?? fields.window_from);
  const end = fields.window_to ?? (fields.requested_at === undefined ? '' : fields.ts);
  const took = fields.upstream_ms;
  return {
    id,
    kind: kind === CHECKPOINT ? 'state' : kind === 'detection.fired' ? 'alert' : 'event',
    category: [CATEGORIES[subject]],
    type: typesOf(event, subject),
    action: textOf(fields.action) || kind,
    code: kind,
    outcome: OUTCOMES[endingOf(event)],
    ...(fields.reason === undefined ? {} : { reason: fields.reason }),
    ...(place === undefined ? {} : { sequence: place.seq }),
    ...(raw === undefined ? {} : { original: raw, hash: hash('sha256', raw) }),
    provider: 'hivekey',
    module: 'hivekey',
    dataset: 'hivekey.action',
    created: new Date(event.time).toISOString(),
    ...(start === '' ? {} : { start }),
    ...(end === '' ? {} : { end }),
    // nanoseconds
    ...(typeof took === 'number' && took >= 0 ? { duration: Math.round(took * 1e6) } : {}),
    severity: SEVERITIES[levelOf(event)],
  };
}

function typesOf(event: StreamEvent, subject: Subject): string[] {
  const act = actOf(event);
  switch (subject) {
    case 'call':
    case 'result': {
      const use = accessType(event);
      if (subject === 'result') return [use, 'end'];
      const ending = endingOf(event);
      return [use, ending === 'success' ? 'allowed' : ending === 'failure' ? 'denied' : 'info'];
    }
    case 'approval': {
      const ending = endingOf(event);
      return [ending === 'success' ? 'allowed' : ending === 'failure' ? 'denied' : 'info'];
    }
    case 'agent':
    case 'credential':
    case 'person':
      return [TYPES[act], 'user'];
    case 'group':
      return [TYPES[act], 'group'];
    case 'session':
      return [act === 'start' ? 'start' : act === 'end' ? 'end' : 'info'];
    case 'finding':
      return ['info'];
    default:
      return [TYPES[act]];
  }
}

function accessType({ fields }: StreamEvent): string {
  switch (fields.access) {
    case 'create':
      return 'creation';
    case 'write':
      return 'change';
    case 'delete':
      return 'deletion';
    default:
      return 'access';
  }
}

function agentFields(event: StreamEvent, subject: Subject): Record<string, unknown> {
  const agent = agentOf(event);
  const { tool, model, model_provider: provider, call_event_id: callEvent } = event.fields;
  const isCall = subject === 'call' || subject === 'result';
  const parts = {
    ...(agent === undefined ? {} : { agent: { id: agent.id, name: agent.name } }),
    ...(isCall ? { operation: { name: 'execute_tool' } } : {}),
    ...(tool === undefined
      ? {}
      : { tool: { name: tool, type: 'extension', ...(isCall ? { call: { id: callEvent ?? event.id } } : {}) } }),
    ...(model === undefined ? {} : { request: { model } }),
    ...(provider === undefined ? {} : { system: provider }),
  };
  return Object.keys(parts).length === 0 ? {} : { gen_ai: parts };
}

/** Of calls and findings the owner, as published; else who acted, and the agent it was done to. */
function userFields(event: StreamEvent, subject: Subject): Record<string, unknown> {
  const people = peopleOf(event);
  const related = people.length === 0 ? {} : { related: { user: people } };
  const owner = textOf(event.fields.owner);
  const isOwners = subject === 'call' || subject === 'result' || subject === 'finding';
  const user = isOwners ? (owner === '' ? undefined : personOf(owner)) : actingOf(event);
  const target = subject === 'agent' || subject === 'credential' ? agentOf(event) : undefined;
  if (user === undefined && target === undefined) return related;
  return {
    user: {
      ...(user === undefined ? {} : ecsUser(user)),
      ...(target === undefined ? {} : { target: { id: target.id, name: target.name } }),
    },
    ...related,
  };
}

function ecsUser({ name, email }: Party): Record<string, string> {
  return { name, ...(email === undefined ? {} : { email }) };
}

function ruleFields({ fields }: StreamEvent, subject: Subject): Record<string, unknown> {
  const { rule, policy, detection_id: id, detection_name: name, detection_version: version } = fields;
  const parts =
    subject === 'finding'
      ? {
          ...(id === undefined ? {} : { id }),
          ...(name === undefined ? {} : { name }),
          ...(version === undefined ? {} : { version: String(version) }),
        }
      : { ...(rule === undefined ? {} : { name: rule }), ...(policy === undefined ? {} : { ruleset: policy }) };
  return Object.keys(parts).length === 0 ? {} : { rule: parts };
}

function namespace({ fields, more, place, replayed, omitted }: StreamEvent): Record<string, unknown> {
  const own: Record<string, unknown> = {};
  for (const name in fields) if (!MOVED.has(name)) own[name] = fields[name];
  if (more !== undefined) own.more = more;
  if (place !== undefined) {
    own.entry_hash = place.entryHash;
    own.prev_hash = place.prevHash;
    own.hash = place.hash;
  }
  if (replayed) own.replayed = true;
  if (omitted.length > 0) own.omitted = omitted;
  return own;
}
