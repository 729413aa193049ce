/** Unified Data Model of Google SecOps, in the JSON of its protobuf messages. What it has no field for stands in `additional`. */
import type { StreamEvent } from './event.ts';
import {
  actOf,
  type Ending,
  endingOf,
  type Level,
  lastOf,
  levelOf,
  messageOf,
  type Subject,
  subjectOf,
  textOf,
} from './kinds.ts';
import { jsonLine } from './line.ts';
import { PRODUCT } from './product.ts';
import { actingOf, addressOf, agentOf, type Party, personOf } from './who.ts';

const ACCESS: Readonly<Record<string, string>> = {
  create: 'USER_RESOURCE_CREATION',
  write: 'USER_RESOURCE_UPDATE_CONTENT',
  delete: 'USER_RESOURCE_DELETION',
};
const ACTIONS: Readonly<Record<Ending, string>> = {
  success: 'ALLOW',
  failure: 'BLOCK',
  held: 'CHALLENGE',
  unknown: 'UNKNOWN_ACTION',
  not_attempted: 'BLOCK',
};
const SEVERITIES: Readonly<Record<Level, string>> = {
  informational: 'INFORMATIONAL',
  low: 'LOW',
  medium: 'MEDIUM',
  high: 'HIGH',
  critical: 'CRITICAL',
};
const MOVED = new Set(['event_id', 'ts', 'kind']);

export function udmLine(event: StreamEvent): string {
  return jsonLine(udmEvent(event));
}

function udmEvent(event: StreamEvent): Record<string, unknown> {
  const { id, kind, fields } = event;
  const subject = subjectOf(kind);
  const acting = actingOf(event);
  const type = typeOf(event, subject, acting);
  return {
    metadata: {
      event_timestamp: new Date(event.time).toISOString(),
      event_type: type,
      vendor_name: PRODUCT.vendor,
      product_name: PRODUCT.name,
      product_version: PRODUCT.version,
      product_event_type: kind,
      product_log_id: id,
      product_deployment_id: textOf(fields.workspace),
      description: messageOf(event),
    },
    principal: principalOf(event, acting),
    target: targetOf(event, subject),
    ...aboutOf(event),
    security_result: [resultOf(event)],
    additional: additional(event),
  };
}

/** A type that takes a user is never given to an event that has none. */
function typeOf(event: StreamEvent, subject: Subject, acting: Party | undefined): string {
  const agent = agentOf(event);
  switch (subject) {
    case 'call':
    case 'result':
      return agent === undefined ? 'GENERIC_EVENT' : (ACCESS[textOf(event.fields.access)] ?? 'USER_RESOURCE_ACCESS');
    case 'approval':
      return acting === undefined || agent === undefined ? 'GENERIC_EVENT' : 'USER_CHANGE_PERMISSIONS';
    case 'role':
      return permissionType(acting);
    case 'configuration':
      return event.kind === 'policy.changed' ? permissionType(acting) : 'GENERIC_EVENT';
    case 'agent':
      return event.kind === 'agent.created' && acting !== undefined && agent !== undefined
        ? 'USER_CREATION'
        : 'GENERIC_EVENT';
    default:
      return 'GENERIC_EVENT';
  }
}

function permissionType(acting: Party | undefined): string {
  return acting?.type === 'person' ? 'USER_RESOURCE_UPDATE_PERMISSIONS' : 'RESOURCE_PERMISSIONS_CHANGE';
}

/** Every event has somebody or something that it comes from: where nobody acted, HiveKey itself. */
function principalOf(event: StreamEvent, acting: Party | undefined): Record<string, unknown> {
  const address = addressOf(event);
  return {
    ...(acting === undefined ? {} : { user: udmUser(acting) }),
    ...(address === undefined ? {} : { ip: [address] }),
    application: PRODUCT.name,
  };
}

function targetOf(event: StreamEvent, subject: Subject): Record<string, unknown> {
  const { fields } = event;
  const agent = agentOf(event);
  if (subject === 'call' || subject === 'result') {
    const { tool, action, resource, namespace } = fields;
    return {
      resource: {
        name: textOf(tool ?? action) || 'unknown',
        resource_subtype: 'tool',
        ...(resource === undefined ? {} : { product_object_id: resource }),
      },
      ...(namespace === undefined ? {} : { application: namespace }),
    };
  }
  const user = agent ?? (fields.person === undefined ? undefined : personOf(textOf(fields.person)));
  if (subject === 'approval' || subject === 'agent' || subject === 'credential' || subject === 'person')
    return user === undefined ? { application: PRODUCT.name } : { user: udmUser(user) };
  const name = textOf(fields.role ?? fields.policy ?? fields.object_id ?? fields.server ?? fields.sink);
  return { resource: { name: name || event.kind, resource_subtype: event.kind.split('.')[0] ?? event.kind } };
}

function udmUser({ id, name, email }: Party): Record<string, unknown> {
  return {
    userid: id,
    ...(name === id ? {} : { user_display_name: name }),
    ...(email === undefined ? {} : { email_addresses: [email] }),
  };
}

function aboutOf({ fields }: StreamEvent): Record<string, unknown> {
  const owner = textOf(fields.owner);
  return owner === '' ? {} : { about: [{ user: udmUser(personOf(owner)) }] };
}

function resultOf(event: StreamEvent): Record<string, unknown> {
  const { fields, kind } = event;
  const { rule, policy, detection_id: id, detection_name: name } = fields;
  return {
    action: [ACTIONS[endingOf(event)]],
    action_details: textOf(fields.verdict ?? fields.outcome ?? fields.decision) || lastOf(kind),
    severity: SEVERITIES[levelOf(event)],
    ...(fields.reason === undefined ? {} : { summary: fields.reason }),
    ...(fields.reason_class === undefined ? {} : { category_details: [fields.reason_class] }),
    ...((name ?? rule) === undefined ? {} : { rule_name: name ?? rule }),
    ...(id === undefined ? {} : { rule_id: id }),
    ...(policy === undefined ? {} : { rule_set: policy }),
    ...(actOf(event) === 'other' ? {} : { description: actOf(event) }),
  };
}

/** A protobuf Struct: its JSON is a plain object. */
function additional({ fields, more, place, raw, replayed, omitted }: StreamEvent): Record<string, unknown> {
  const extra: Record<string, unknown> = {};
  for (const name in fields) if (!MOVED.has(name)) extra[name] = fields[name];
  if (more !== undefined) extra.more = more;
  if (place !== undefined) {
    extra.seq = place.seq;
    extra.entry_hash = place.entryHash;
    extra.prev_hash = place.prevHash;
    extra.hash = place.hash;
  }
  if (replayed) extra.replayed = true;
  if (omitted.length > 0) extra.omitted = omitted;
  if (raw !== undefined) extra.raw = raw;
  return extra;
}
