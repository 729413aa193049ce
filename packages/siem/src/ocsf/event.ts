/** Open Cybersecurity Schema Framework, 1.8.0 and 1.9.0. What it has no attribute for stands under `unmapped.hivekey`. */
import { hash } from 'node:crypto';
import type { StreamEvent } from '../event.ts';
import { actOf, endingOf, lastOf, levelOf, messageOf, type Subject, subjectOf, textOf } from '../kinds.ts';
import { PRODUCT } from '../product.ts';
import {
  ALLOWED,
  APPROVED,
  BLOCKED,
  classOf,
  DETECTED,
  HELD,
  type Judgement,
  type OcsfVersion,
  REJECTED,
  RESULTS,
  REVOKED,
  SEVERITIES,
} from './captions.ts';
import { CLASS_PARTS } from './classes.ts';
import type { Json } from './parts.ts';

export interface OcsfEvent extends Json {
  readonly type_uid: number;
}

/** `isAttested`: an attestation is going to be added. */
export function ocsfEvent(event: StreamEvent, version: OcsfVersion, isAttested = false): OcsfEvent {
  const { kind, raw } = event;
  const subject = subjectOf(kind);
  const { uid, name, category, activities } = classOf(subject, version);
  const part = CLASS_PARTS[subject](event, version);
  const act = actOf(event);
  const [activity, activityName] = part.activity ?? activities[act] ?? [99, lastOf(kind)];
  const level = levelOf(event);
  const { action, disposition, status } = judgementOf(event, subject);
  const profiles = [...(part.profiles ?? []), 'security_control', ...(isAttested ? ['record_integrity'] : [])];
  return {
    category_uid: category[0],
    category_name: category[1],
    class_uid: uid,
    class_name: name,
    activity_id: activity,
    activity_name: activityName,
    type_uid: uid * 100 + activity,
    time: event.time,
    timezone_offset: 0,
    severity_id: SEVERITIES[level][0],
    severity: SEVERITIES[level][1],
    metadata: metadataOf(event, version, profiles),
    message: messageOf(event),
    status_id: status[0],
    status: status[1],
    status_code: codeOf(event),
    ...(event.fields.reason === undefined ? {} : { status_detail: event.fields.reason }),
    action_id: action[0],
    action: action[1],
    disposition_id: disposition[0],
    disposition: disposition[1],
    is_alert: kind === 'detection.fired' || kind.startsWith('alert.'),
    ...policyOf(event),
    ...part.body,
    unmapped: { hivekey: unmappedOf(event, part.moved) },
    ...(raw === undefined
      ? {}
      : {
          raw_data: raw,
          raw_data_hash: {
            algorithm_id: 3,
            algorithm: 'SHA-256',
            value: hash('sha256', raw),
            ...(version === '1.8.0' ? {} : { encoding_id: 1, encoding: 'Hex' }),
          },
          raw_data_size: Buffer.byteLength(raw),
        }),
  };
}

function metadataOf(event: StreamEvent, version: OcsfVersion, profiles: readonly string[]): Json {
  const { id, kind, place, fields, omitted } = event;
  return {
    version,
    product: { name: PRODUCT.name, vendor_name: PRODUCT.vendor, version: PRODUCT.version },
    uid: id,
    ...(place === undefined ? {} : { sequence: place.seq }),
    tenant_uid: textOf(fields.workspace),
    ...(fields.run_id === undefined ? {} : { correlation_uid: fields.run_id }),
    log_name: 'agent-actions',
    log_provider: 'hivekey',
    event_code: kind,
    original_time: textOf(fields.ts),
    profiles,
    labels: [`env:${textOf(fields.env)}`],
    ...(omitted.includes('raw') || omitted.includes('*') ? { is_truncated: true } : {}),
  };
}

function judgementOf(event: StreamEvent, subject: Subject): Judgement {
  const ending = endingOf(event);
  switch (subject) {
    case 'result':
      return RESULTS[ending];
    case 'finding':
      return DETECTED;
    case 'approval':
      if (event.kind === 'approval.finished') return RESULTS[ending];
      return ending === 'success' ? APPROVED : ending === 'failure' ? REJECTED : HELD;
    default:
      if (event.kind === 'agent.revoked' || event.kind === 'token.revoked') return REVOKED;
      return ending === 'success' ? ALLOWED : ending === 'failure' ? BLOCKED : HELD;
  }
}

/** The true verdict, whatever the enumerations can say. */
function codeOf({ kind, fields }: StreamEvent): string {
  return textOf(fields.verdict) || textOf(fields.outcome) || textOf(fields.decision) || lastOf(kind);
}

function policyOf({ fields }: StreamEvent): Json {
  const { rule, policy, role, role_rev: revision, verdict } = fields;
  return {
    ...(rule === undefined && policy === undefined
      ? {}
      : {
          policy: {
            ...(rule === undefined ? {} : { name: rule }),
            ...(policy === undefined ? {} : { uid: policy }),
            is_applied: true,
          },
        }),
    ...(verdict === undefined || role === undefined
      ? {}
      : {
          authorizations: [
            {
              decision: verdict,
              policy: { name: role, ...(revision === undefined ? {} : { version: String(revision) }) },
            },
          ],
        }),
  };
}

function unmappedOf(event: StreamEvent, moved: ReadonlySet<string>): Json {
  const { fields, more, place, replayed, omitted } = event;
  const own: Record<string, unknown> = {};
  for (const name in fields) if (!moved.has(name)) own[name] = fields[name];
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
