/** What the kinds of records are about, in the few terms that all schemas have. A kind that is not here is mapped nevertheless. */
import type { StreamEvent } from './event.ts';

/** What an event is about: the class of a schema follows from it. */
export type Subject =
  | 'call'
  | 'result'
  | 'approval'
  | 'agent'
  | 'credential'
  | 'person'
  | 'group'
  | 'role'
  | 'configuration'
  | 'session'
  | 'finding'
  | 'stream'
  | 'other';

/** What was done to it. */
export type Act = 'create' | 'update' | 'delete' | 'enable' | 'disable' | 'lock' | 'unlock' | 'start' | 'end' | 'other';

/** How it ended. `held` is a call that waits for people. */
export type Ending = 'success' | 'failure' | 'held' | 'unknown' | 'not_attempted';

export type Level = 'informational' | 'low' | 'medium' | 'high' | 'critical';

/** Whole kinds first, then what stands before the point. */
const SUBJECTS: ReadonlyMap<string, Subject> = new Map(
  Object.entries({
    'tool.call': 'call',
    'gateway.refused': 'call',
    'tool.result': 'result',
    'group_roles.changed': 'group',
    'sign_in.refused': 'session',
    'connection.allowed': 'credential',
    'connection.refused': 'credential',
    'risk.transmitter': 'configuration',
    approval: 'approval',
    agent: 'agent',
    quarantine: 'agent',
    transfer: 'agent',
    token: 'credential',
    credential: 'credential',
    key: 'credential',
    passkey: 'credential',
    person: 'person',
    identity: 'person',
    invitation: 'person',
    delegation: 'person',
    break_glass: 'person',
    group: 'group',
    role: 'role',
    session: 'session',
    detection: 'finding',
    alert: 'finding',
    incident: 'finding',
    sink: 'stream',
    stream: 'stream',
    system: 'stream',
    policy: 'configuration',
    policy_test: 'configuration',
    policy_code: 'configuration',
    object: 'configuration',
    versions: 'configuration',
    drift: 'configuration',
    capability: 'configuration',
    server: 'configuration',
    secret: 'configuration',
    tool: 'configuration',
    sources: 'configuration',
    risk: 'configuration',
    freeze: 'configuration',
    containment: 'configuration',
    breaker: 'configuration',
    drill: 'configuration',
    provider: 'configuration',
    sign_in: 'configuration',
    change: 'configuration',
    blast_radius: 'configuration',
    tool_limit: 'configuration',
    least_privilege: 'configuration',
    webhook: 'configuration',
    channel: 'configuration',
    workspace: 'configuration',
    scim: 'configuration',
    oauth_client: 'configuration',
    workload_issuer: 'configuration',
    retention: 'configuration',
    hold: 'configuration',
    engagement: 'configuration',
    log_query: 'configuration',
  } satisfies Record<string, Subject>),
);

/** Of the field `change`, or else of what stands after the point. */
const ACTS: ReadonlyMap<string, Act> = new Map(
  Object.entries({
    created: 'create',
    added: 'create',
    minted: 'create',
    issued: 'create',
    registered: 'create',
    imported: 'create',
    drafted: 'create',
    opened: 'create',
    linked: 'create',
    raised: 'create',
    fired: 'create',
    allowed: 'create',
    changed: 'update',
    updated: 'update',
    edited: 'update',
    versioned: 'update',
    rotated: 'update',
    members: 'update',
    put: 'update',
    set: 'update',
    settings: 'update',
    renamed: 'update',
    activated: 'update',
    applied: 'update',
    restored: 'enable',
    enabled: 'enable',
    woke: 'enable',
    lifted: 'enable',
    revoked: 'disable',
    disabled: 'disable',
    expired: 'disable',
    dormant: 'disable',
    left: 'disable',
    paused: 'disable',
    resumed: 'enable',
    removed: 'delete',
    deleted: 'delete',
    unlinked: 'delete',
    cleared: 'delete',
    dismissed: 'delete',
    closed: 'end',
    entered: 'lock',
    ended: 'end',
    started: 'start',
    stopped: 'end',
  } satisfies Record<string, Act>),
);

const FAILED = new Set(['refused', 'expired', 'stopped', 'cancelled', 'rejected', 'lapsed', 'declined', 'dead_letter']);
const WAITING = new Set(['requested', 'reminded', 'escalated', 'waiting', 'submitted']);
const RESULTS: Readonly<Record<string, Ending>> = {
  success: 'success',
  error: 'failure',
  not_attempted: 'not_attempted',
  passed: 'success',
  failed: 'failure',
};
const VERDICTS: Readonly<Record<string, Ending>> = { allow: 'success', deny: 'failure', review: 'held' };

/** Kinds that somebody should look at, where the record does not say how severe it is. */
const SEVERE: ReadonlyMap<string, Level> = new Map(
  Object.entries({
    'agent.revoked': 'medium',
    'containment.ordered': 'high',
    'quarantine.entered': 'medium',
    'breaker.tripped': 'medium',
    'drift.found': 'high',
    'management.refused': 'medium',
    'sign_in.refused': 'medium',
    'approval.refused': 'medium',
    'gateway.refused': 'medium',
    'token.refused': 'medium',
    'change.refused': 'medium',
    'identity.unregistered': 'medium',
    'blast_radius.exceeded': 'medium',
    'role.changed': 'low',
    'policy.changed': 'low',
    'sink.dead_letter': 'medium',
    'sink.skipped': 'high',
    'evaluator.error': 'high',
  } satisfies Record<string, Level>),
);

export function subjectOf(kind: string): Subject {
  return SUBJECTS.get(kind) ?? SUBJECTS.get(firstOf(kind)) ?? 'other';
}

export function actOf({ kind, fields }: StreamEvent): Act {
  const { change } = fields;
  const said = typeof change === 'string' ? ACTS.get(change) : undefined;
  if (kind === 'quarantine.ended') return 'unlock';
  return said ?? ACTS.get(lastOf(kind)) ?? 'other';
}

export function endingOf({ kind, fields }: StreamEvent): Ending {
  const { verdict, outcome, decision } = fields;
  if (kind === 'tool.call') return VERDICTS[textOf(verdict)] ?? 'unknown';
  if (kind === 'tool.result' || kind === 'approval.finished') return RESULTS[textOf(outcome)] ?? 'unknown';
  if (decision === 'deny' || decision === 'reject') return 'failure';
  const last = lastOf(kind);
  if (FAILED.has(last)) return 'failure';
  if (WAITING.has(last)) return 'held';
  return subjectOf(kind) === 'finding' ? 'unknown' : 'success';
}

export function levelOf({ kind, fields }: StreamEvent): Level {
  const said = textOf(fields.level ?? fields.severity);
  if (isLevel(said)) return said;
  if (kind === 'tool.call') {
    const { verdict } = fields;
    return verdict === 'deny' ? 'medium' : verdict === 'review' ? 'low' : 'informational';
  }
  return SEVERE.get(kind) ?? 'informational';
}

/** One sentence for people. */
export function messageOf({ kind, fields }: StreamEvent): string {
  const finding = textOf(fields.detection_name);
  if (finding !== '') return fields.reason === undefined ? finding : `${finding}: ${textOf(fields.reason)}`;
  const who = textOf(fields.agent ?? fields.actor_name);
  const what = textOf(fields.tool ?? fields.role ?? fields.object_id ?? fields.person);
  const why = textOf(fields.reason);
  const said = textOf(fields.verdict ?? fields.outcome ?? fields.decision ?? fields.change);
  const head = kind === 'tool.call' || kind === 'tool.result' ? [who, what, said] : [kind, who, what, said];
  return head.filter((part) => part !== '').join(' ') + (why === '' ? '' : `: ${why}`);
}

export function lastOf(kind: string): string {
  return kind.slice(kind.lastIndexOf('.') + 1);
}

function firstOf(kind: string): string {
  const point = kind.indexOf('.');
  return point < 0 ? kind : kind.slice(0, point);
}

const LEVELS: ReadonlySet<string> = new Set<Level>(['informational', 'low', 'medium', 'high', 'critical']);

function isLevel(text: string): text is Level {
  return LEVELS.has(text);
}

/** Empty for what is no text. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
