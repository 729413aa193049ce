/** What each class of OCSF holds beside the base event. */
import type { StreamEvent } from '../event.ts';
import { endingOf, lastOf, type Subject, textOf } from '../kinds.ts';
import { PRODUCT } from '../product.ts';
import { actingOf, agentOf, personOf } from '../who.ts';
import type { OcsfVersion } from './captions.ts';
import { agentObject, endpointOf, instant, type Json, operatorOf, ownerOf, userOf } from './parts.ts';

export interface ClassPart {
  readonly body: Json;
  /** `[id, caption]` in place of the one that follows from what was done. */
  readonly activity?: readonly [number, string];
  readonly profiles?: readonly string[];
  /** Fields of the record that stand whole in the base event or in `body`. */
  readonly moved: ReadonlySet<string>;
}

/** Fields that stand whole in the base event. */
const BASE = new Set(['event_id', 'kind', 'ts', 'workspace', 'env', 'reason', 'run_id', 'model', 'model_provider']);
const OF_AGENTS = new Set([...BASE, 'agent', 'agent_id']);
const OF_APPROVALS = new Set([...OF_AGENTS, 'session_id']);
const OF_CALLS = new Set([...OF_APPROVALS, 'tool']);
const OF_FINDINGS = new Set([...BASE, 'evidence']);
const OF_AGENTS_FINDINGS = new Set([...OF_AGENTS, 'evidence']);

const API_ACTS: Readonly<Record<string, readonly [number, string]>> = {
  create: [1, 'Create'],
  read: [2, 'Read'],
  write: [3, 'Update'],
  delete: [4, 'Delete'],
};

const NOBODY: Json = { name: 'unknown', uid: 'unknown', type_id: 0, type: 'Unknown' };

export const CLASS_PARTS: Readonly<Record<Subject, (event: StreamEvent, version: OcsfVersion) => ClassPart>> = {
  call: callPart,
  result: callPart,
  approval: approvalPart,
  agent: agentPart,
  credential: credentialPart,
  person: personPart,
  group: groupPart,
  role: rolePart,
  configuration: entityPart,
  session: sessionPart,
  finding: findingPart,
  stream: streamPart,
  other: () => ({ body: {}, moved: BASE }),
};

function callPart(event: StreamEvent, version: OcsfVersion): ClassPart {
  const { fields, id, kind } = event;
  const { namespace, call_event_id: callEvent, session_id: session, resource, upstream_ms: took } = fields;
  const agent = agentOf(event);
  const name = agent?.name ?? 'unregistered';
  const operation = textOf(fields.tool ?? fields.action) || 'unknown';
  const reason = fields.reason === undefined ? {} : { message: fields.reason };
  const code = kind === 'tool.result' ? fields.upstream_code : endingOf(event) === 'success' ? 0 : 403;
  const isDecision = kind === 'tool.call';
  return {
    activity: API_ACTS[textOf(fields.access)] ?? [99, 'Call'],
    profiles: agent === undefined ? [] : ['ai_operation'],
    body: {
      ...(typeof took === 'number' && took >= 0 ? { duration: Math.round(took) } : {}),
      actor: {
        ...(agent === undefined ? {} : { user: userOf(agent) }),
        ...(session === undefined ? {} : { session: { uid: session } }),
        app_name: name,
        ...(agent === undefined ? {} : { app_uid: agent.id }),
      },
      api: {
        operation,
        ...(namespace === undefined ? {} : { service: { name: namespace } }),
        request: { uid: callEvent ?? id },
        response: { ...(code === undefined ? {} : { code }), ...reason },
      },
      ...(resource === undefined
        ? resourceOfOwner(event)
        : { resources: [{ uid: resource, name: resource, type: 'tool target', ...ownerOf(event) }] }),
      src_endpoint: endpointOf(event, 'agent runtime', 'Agent runtime'),
      ...(agent === undefined ? {} : modelPart(event, version)),
      ...(isDecision && agent !== undefined
        ? {
            message_context: {
              ai_role_id: 3,
              ai_role: 'Tool',
              ...(session === undefined ? {} : { uid: session }),
              application: { name: agent.name, uid: agent.id },
              ...(namespace === undefined ? {} : { service: { name: namespace } }),
            },
          }
        : {}),
    },
    moved: OF_CALLS,
  };
}

/** A call without a resource of its own still belongs to somebody. */
function resourceOfOwner(event: StreamEvent): Json {
  const { fields } = event;
  const agent = agentOf(event);
  if (agent === undefined || fields.owner === undefined) return {};
  return { resources: [{ uid: agent.id, name: agent.name, type: 'AI agent', ...ownerOf(event) }] };
}

/** 1.8.0 has the model alone; from 1.9.0 on it is the model of the agent that called. */
function modelPart(event: StreamEvent, version: OcsfVersion): Json {
  const { model, model_provider: provider, run_id: run } = event.fields;
  const agent = agentOf(event);
  const named = textOf(model) === '' ? undefined : { name: model, ai_provider: textOf(provider) || 'unknown' };
  if (version === '1.8.0') return named === undefined ? {} : { ai_model: named };
  return agent === undefined
    ? {}
    : { ai_agent: agentObject(agent, run, named === undefined ? {} : { ai_model: named }) };
}

/** The agent of an administrative event, which 1.9.0 has a place for. */
function aiAgentPart(event: StreamEvent, version: OcsfVersion): { body: Json; profiles: readonly string[] } {
  const agent = agentOf(event);
  if (version === '1.8.0' || agent === undefined) return { body: {}, profiles: [] };
  return { body: { ai_agent: agentObject(agent, event.fields.run_id, {}) }, profiles: ['ai_operation'] };
}

function actorPart(event: StreamEvent, isAdmin: boolean): Json {
  const acting = actingOf(event);
  return acting === undefined ? {} : { actor: { user: userOf(acting, isAdmin) } };
}

function approvalPart(event: StreamEvent, version: OcsfVersion): ClassPart {
  const { fields, kind, time } = event;
  const agent = agentOf(event);
  const ai = aiAgentPart(event, version);
  const bound = textOf(fields.binds ?? fields.approval_hash);
  const operation = textOf(fields.tool ?? fields.action) || 'unknown';
  const asked = instant(fields.requested_at);
  const ending = endingOf(event);
  return {
    activity: ending === 'held' ? [99, lastOf(kind)] : [1, 'Assign Privileges'],
    profiles: ai.profiles,
    body: {
      ...actorPart(event, false),
      user: agent === undefined ? NOBODY : userOf(agent),
      privileges: [bound === '' ? operation : `${operation}#${bound}`],
      ...(fields.session_id === undefined ? {} : { session: { uid: fields.session_id } }),
      ...operatorOf(event),
      ...(asked === undefined || asked > time ? {} : { start_time: asked, end_time: time, duration: time - asked }),
      ...ai.body,
    },
    moved: OF_APPROVALS,
  };
}

function agentPart(event: StreamEvent, version: OcsfVersion): ClassPart {
  const agent = agentOf(event);
  const ai = aiAgentPart(event, version);
  const roles = version === '1.9.0' ? rolesActivity(event) : undefined;
  return {
    ...(roles === undefined ? {} : { activity: roles }),
    profiles: ai.profiles,
    body: {
      ...actorPart(event, true),
      user: agent === undefined ? NOBODY : userOf(agent),
      ...operatorOf(event),
      ...ai.body,
    },
    moved: OF_AGENTS,
  };
}

/** Roles that an agent was given, or lost, in a change of nothing else. */
function rolesActivity({ kind, fields }: StreamEvent): readonly [number, string] | undefined {
  if (kind !== 'agent.changed' || typeof fields.changes !== 'string') return undefined;
  const changes: unknown = JSON.parse(fields.changes);
  if (typeof changes !== 'object' || changes === null || !('roles' in changes) || Object.keys(changes).length > 1)
    return undefined;
  const { roles } = changes;
  if (!Array.isArray(roles) || !Array.isArray(roles[0]) || !Array.isArray(roles[1])) return undefined;
  const [before, after] = roles;
  const given = after.some((role: unknown) => !before.includes(role));
  const taken = before.some((role: unknown) => !after.includes(role));
  if (given === taken) return undefined;
  return given ? [16, 'Assign Roles'] : [17, 'Remove Roles'];
}

const CREDENTIAL_ACTS: Readonly<Record<string, readonly [number, string]>> = {
  minted: [18, 'Add Programmatic Credentials'],
  issued: [18, 'Add Programmatic Credentials'],
  added: [18, 'Add Programmatic Credentials'],
  created: [18, 'Add Programmatic Credentials'],
  rotated: [18, 'Add Programmatic Credentials'],
  allowed: [18, 'Add Programmatic Credentials'],
  revoked: [19, 'Remove Programmatic Credentials'],
  ended: [19, 'Remove Programmatic Credentials'],
};

function credentialPart(event: StreamEvent, version: OcsfVersion): ClassPart {
  const { kind, fields } = event;
  const agent = agentOf(event);
  const ai = aiAgentPart(event, version);
  const last = lastOf(kind);
  const holder = textOf(fields.person) || textOf(fields.key) || textOf(fields.client);
  const isFactor = kind.startsWith('passkey.');
  const activity: readonly [number, string] =
    version === '1.8.0'
      ? isFactor
        ? last === 'registered'
          ? [10, 'MFA Factor Enable']
          : [11, 'MFA Factor Disable']
        : [99, kind]
      : isFactor
        ? last === 'registered'
          ? [12, 'Enable MFA Factors']
          : [13, 'Disable MFA Factors']
        : (CREDENTIAL_ACTS[last] ?? [99, kind]);
  return {
    activity,
    profiles: ai.profiles,
    body: {
      ...actorPart(event, true),
      user: agent !== undefined ? userOf(agent) : holder === '' ? NOBODY : userOf(personOf(holder)),
      ...operatorOf(event),
      ...ai.body,
    },
    moved: OF_AGENTS,
  };
}

function personPart(event: StreamEvent): ClassPart {
  const { fields } = event;
  const name = textOf(fields.person) || textOf(fields.identity) || textOf(fields.agent);
  return {
    body: {
      ...actorPart(event, true),
      user: name === '' ? NOBODY : userOf(personOf(name)),
      ...operatorOf(event),
    },
    moved: BASE,
  };
}

function groupPart(event: StreamEvent, version: OcsfVersion): ClassPart {
  const group = textOf(event.more?.group) || event.kind;
  const isUpdate = version === '1.9.0' && (event.fields.change === 'changed' || event.kind === 'group_roles.changed');
  return {
    ...(isUpdate ? { activity: [9, 'Update'] } : {}),
    body: { ...actorPart(event, true), group: { name: group, uid: group }, ...operatorOf(event) },
    moved: BASE,
  };
}

function rolePart(event: StreamEvent, version: OcsfVersion): ClassPart {
  const { role, role_rev: revision, prev_role_rev: before } = event.fields;
  const name = textOf(role) || 'unknown';
  const shared = { ...actorPart(event, true), ...operatorOf(event) };
  if (version === '1.9.0') {
    const at = (rev: unknown) => ({ name, uid: rev === undefined ? name : `${name}@${rev}` });
    return {
      body: {
        ...shared,
        iam_role: at(before ?? revision),
        ...(revision === undefined ? {} : { updated_role: at(revision) }),
      },
      moved: BASE,
    };
  }
  const at = (rev: unknown) => ({
    type_id: 99,
    type: 'Role',
    name,
    uid: name,
    ...(rev === undefined ? {} : { version: String(rev) }),
  });
  return {
    body: {
      ...shared,
      entity: at(before ?? revision),
      ...(revision === undefined ? {} : { entity_result: at(revision) }),
    },
    moved: BASE,
  };
}

/** Names by which things are known, the nearest first. */
const NAMED = [
  'freeze',
  'breaker',
  'server',
  'capability',
  'object_id',
  'change_id',
  'target',
  'policy',
  'workspace',
] as const;

function entityPart(event: StreamEvent, version: OcsfVersion): ClassPart {
  const { kind, fields } = event;
  const shared = { ...actorPart(event, true), ...operatorOf(event) };
  if (kind === 'policy.changed') {
    const at = (uid: unknown) => policyEntity(textOf(uid) || 'none');
    const result = version === '1.9.0' ? 'updated_entity' : 'entity_result';
    return { body: { ...shared, entity: at(fields.prev_policy), [result]: at(fields.policy) }, moved: BASE };
  }
  const found = NAMED.find((name) => textOf(fields[name]) !== '');
  const name = found === undefined ? kind : textOf(fields[found]);
  const type = textOf(fields.object_type) || (kind.split('.')[0] ?? kind);
  return { body: { ...shared, entity: { type_id: 99, type, name, uid: name } }, moved: BASE };
}

function policyEntity(digest: string): Json {
  return {
    type_id: 5,
    type: 'Policy',
    name: 'policy',
    uid: 'policy',
    version: digest,
    policy: { name: 'policy', uid: 'policy', version: digest },
  };
}

function sessionPart(event: StreamEvent): ClassPart {
  const { kind, fields, more } = event;
  const acting = actingOf(event);
  const named = textOf(fields.person) || textOf(more?.email) || textOf(more?.subject);
  const user = named !== '' ? userOf(personOf(named)) : acting === undefined ? NOBODY : userOf(acting, true);
  return {
    activity:
      kind === 'session.started' || kind === 'sign_in.refused'
        ? [1, 'Logon']
        : kind === 'session.ended'
          ? [2, 'Logoff']
          : [99, kind],
    body: {
      user,
      service: { name: `${PRODUCT.name} console` },
      ...(fields.session === undefined ? {} : { session: { uid: fields.session } }),
      ...operatorOf(event),
    },
    moved: BASE,
  };
}

function findingPart(event: StreamEvent, version: OcsfVersion): ClassPart {
  const { id, fields, time, kind } = event;
  const {
    detection_id: uid,
    detection_name: name,
    detection_version: revision,
    evidence,
    evidence_count: count,
  } = fields;
  const agent = agentOf(event);
  const from = instant(fields.window_from);
  const to = instant(fields.window_to);
  const title = textOf(name) || kind;
  const listed = Array.isArray(evidence) ? evidence : [];
  return {
    body: {
      ...(from === undefined ? {} : { start_time: from }),
      ...(to === undefined ? {} : { end_time: to }),
      ...(typeof count === 'number' && count >= 1 ? { count } : {}),
      finding_info: {
        uid: id,
        title,
        types: ['agent-behaviour'],
        ...(fields.reason === undefined ? {} : { desc: fields.reason }),
        ...(uid === undefined
          ? {}
          : {
              analytic: {
                type_id: 1,
                type: 'Rule',
                uid,
                name: title,
                ...(revision === undefined ? {} : { version: String(revision) }),
              },
            }),
        ...(from === undefined ? {} : { first_seen_time: from }),
        ...(to === undefined ? {} : { last_seen_time: to }),
        created_time: time,
        ...(typeof count === 'number' && count >= 0 ? { related_events_count: count } : {}),
        ...(listed.length === 0 ? {} : { related_events: listed.map((event_id) => ({ uid: event_id })) }),
      },
      ...(agent === undefined
        ? {}
        : {
            evidences: [
              {
                actor: { user: userOf(agent), app_name: agent.name, app_uid: agent.id },
                ...(version === '1.8.0' ? {} : { ai_agent: agentObject(agent, undefined, {}) }),
              },
            ],
            resources: [{ uid: agent.id, name: agent.name, type: 'AI agent', ...ownerOf(event) }],
          }),
    },
    moved: agent === undefined ? OF_FINDINGS : OF_AGENTS_FINDINGS,
  };
}

function streamPart(event: StreamEvent): ClassPart {
  const { kind, fields } = event;
  const sink = textOf(fields.sink) || textOf(fields.sink_id);
  return {
    ...(kind.startsWith('system.') ? {} : { activity: [99, lastOf(kind)] }),
    body: {
      app: {
        name: PRODUCT.name,
        version: PRODUCT.version,
        ...(sink === '' ? {} : { uid: `${textOf(fields.workspace)}/${sink}` }),
      },
    },
    moved: BASE,
  };
}
