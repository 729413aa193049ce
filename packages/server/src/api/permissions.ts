/**
 * Which of the workspace's roles may call which route of management. What reads is for everybody with a role, unless it is
 * listed; what writes must be listed, or the server does not start. Who may decide about one approval, stop or override
 * is checked again where it is decided: this table only says who gets that far.
 */
import { Failure } from '../errors.ts';
import { WORKSPACE_ROLES, type WorkspaceRole } from '../identity/index.ts';
import type { Api } from './context.ts';

const ALL = WORKSPACE_ROLES;
/** About one's own session or passkeys: also for somebody who has no role yet. */
const SELF: readonly WorkspaceRole[] = [...ALL];
const ADMIN = ['admin'] as const;
const ADMIN_OR_AUDITOR = ['admin', 'auditor'] as const;
/** Agents, their credentials, their tools, and where things are sent. */
const OPERATE = ['admin', 'operator'] as const;
/** What is decided by: roles of agents, guards, capabilities, freezes, budgets, breakers. */
const WRITE_POLICY = ['admin', 'author'] as const;
/** Everybody but those who only look. */
const ASK = ['admin', 'approver', 'author', 'operator', 'reviewer'] as const;
/** Into the inventory of agents, and what they could do at most. */
const LET_IN = ['admin', 'reviewer'] as const;
const DECIDE = ['approver'] as const;
/** Drafting changes of what decides; which types, `changes/authority.ts` says. */
const DRAFT = ['admin', 'author', 'operator'] as const;
const REVIEW = ['reviewer'] as const;
const DRAFT_OR_REVIEW = [...DRAFT, ...REVIEW] as const;
/** Stopping is for everybody who takes part: waiting for the right person costs more than a stop too many. */
const STOP = ['admin', 'approver', 'author', 'operator', 'reviewer'] as const;
/** About agents that are one's own, or that one is asked to take over: whose they are is checked where it is done. */
const TAKE_PART = ['admin', 'approver', 'author', 'operator', 'reviewer', 'viewer'] as const;
/** What takes two persons, or undoes a stop. */
const CONTAIN = ['admin', 'operator', 'reviewer'] as const;

export const PERMISSIONS: Readonly<Record<string, readonly WorkspaceRole[]>> = {
  'GET /v1/session': SELF,
  'GET /v1/permissions': SELF,
  'DELETE /v1/session': SELF,
  'GET /v1/sessions': SELF,
  'DELETE /v1/sessions/:id': SELF,
  'POST /v1/session/end': SELF,
  'POST /v1/session/step-up/provider': SELF,
  'POST /v1/session/link': SELF,
  'GET /v1/passkeys': SELF,
  'POST /v1/passkeys/options': SELF,
  'POST /v1/passkeys': SELF,
  'PATCH /v1/passkeys/:id': SELF,
  'POST /v1/passkeys/:id/revoke': SELF,
  'POST /v1/session/step-up/options': SELF,
  'POST /v1/session/step-up': SELF,
  'GET /v1/break-glass': ADMIN_OR_AUDITOR,
  'POST /v1/break-glass': ADMIN,
  'POST /v1/break-glass/:person/invitations': ADMIN,
  'DELETE /v1/break-glass/:person': ADMIN,
  'POST /v1/identity-providers': ADMIN,
  'PATCH /v1/identity-providers/:id': ADMIN,
  'POST /v1/identity-providers/:id/enable': ADMIN,
  'POST /v1/identity-providers/:id/disable': ADMIN,
  'POST /v1/identity-providers/:id/test': ADMIN,
  'POST /v1/identity-providers/saml': ADMIN,
  'PATCH /v1/identity-providers/saml/:id': ADMIN,
  'POST /v1/identity-providers/saml/:id/refresh': ADMIN,
  'POST /v1/identity-providers/saml/:id/check': ADMIN,
  'PUT /v1/sign-in-settings': ADMIN,
  'POST /v1/people/:person/invitations': ADMIN,
  'GET /v1/invitations': ADMIN_OR_AUDITOR,
  'POST /v1/invitations/:id/revoke': ADMIN,
  'GET /v1/people/:person/identities': SELF,
  'DELETE /v1/people/:person/identities/:id': ADMIN,
  'PUT /v1/group-roles': ADMIN,
  'GET /v1/keys': ADMIN,
  'POST /v1/keys': ADMIN,
  'POST /v1/keys/:id/rotate': ADMIN,
  'POST /v1/keys/:id/revoke': ADMIN,
  'PATCH /v1/workspace': ADMIN,
  'PUT /v1/workspace/sources': ADMIN,

  'POST /v1/people': ADMIN,
  'PATCH /v1/people/:person': ADMIN,
  'GET /v1/scim-connections': ADMIN_OR_AUDITOR,
  'POST /v1/scim-connections': ADMIN,
  'GET /v1/scim-connections/:connection': ADMIN_OR_AUDITOR,
  'PATCH /v1/scim-connections/:connection': ADMIN,
  'POST /v1/scim-connections/:connection/rotate': ADMIN,
  'POST /v1/scim-connections/:connection/revoke': ADMIN,

  'GET /v1/people/:person/known-credentials': ['admin', 'auditor', 'operator'],
  'POST /v1/transfer-tasks/:id/propose': OPERATE,
  'POST /v1/agents/:agent/ownership-transfers': TAKE_PART,
  'POST /v1/ownership-transfers/:id/accept': TAKE_PART,
  'POST /v1/ownership-transfers/:id/decline': TAKE_PART,
  'POST /v1/ownership-transfers/:id/withdraw': TAKE_PART,
  'PUT /v1/agents/:agent/deputies': TAKE_PART,
  'PUT /v1/ownership-settings': ADMIN,

  'POST /v1/agents': OPERATE,
  'POST /v1/agent-requests': ASK,
  'POST /v1/agent-requests/:id/approve': LET_IN,
  'POST /v1/agent-requests/:id/deny': LET_IN,
  'POST /v1/agent-requests/:id/withdraw': ASK,
  'PATCH /v1/agent-settings': ADMIN,
  'PATCH /v1/agents/:agent': OPERATE,
  'POST /v1/unregistered-identities/:id/dismiss': CONTAIN,
  'POST /v1/agents/:agent/suspend': TAKE_PART,
  'POST /v1/agents/:agent/credentials': OPERATE,
  'POST /v1/agents/:agent/credentials/:id/revoke': STOP,
  'POST /v1/connection-requests/:id/allow': TAKE_PART,
  'POST /v1/connection-requests/:id/refuse': SELF,
  'PUT /v1/browser-sign-in-settings': ADMIN,
  'POST /v1/oauth-clients': ADMIN,
  'DELETE /v1/oauth-clients/:id': OPERATE,
  'POST /v1/workload-issuers': ADMIN,
  'DELETE /v1/workload-issuers/:issuer': OPERATE,
  'POST /v1/tokens': OPERATE,
  'POST /v1/tokens/:id/rotate': OPERATE,
  'POST /v1/tokens/:id/revoke': STOP,

  'POST /v1/roles': WRITE_POLICY,
  'PUT /v1/roles/:name': WRITE_POLICY,
  'PATCH /v1/roles/:name': WRITE_POLICY,
  'POST /v1/roles/:name/preview': ALL,
  'PUT /v1/roles/:name/candidate': WRITE_POLICY,
  'DELETE /v1/roles/:name/candidate': WRITE_POLICY,
  'PUT /v1/workspace/guards': WRITE_POLICY,
  'PUT /v1/capabilities/:name': WRITE_POLICY,
  'DELETE /v1/capabilities/:name': WRITE_POLICY,
  'POST /v1/policies/evaluate': ALL,
  'POST /v1/drift/check': ALL,
  'POST /v1/drift/restore': ADMIN,
  'POST /v1/policies/check': ALL,
  'PUT /v1/policies/tests/:name': WRITE_POLICY,
  'DELETE /v1/policies/tests/:name': WRITE_POLICY,
  'POST /v1/changes/preview': ALL,
  'POST /v1/policy-code/plan': ALL,
  'POST /v1/policy-code/changes': ['admin', 'author', 'operator'],
  'POST /v1/policy-code/apply': ['admin', 'author', 'operator', 'reviewer'],
  'POST /v1/blast-radius/what-if': ALL,
  'POST /v1/blast-radius/acceptances': LET_IN,
  'POST /v1/blast-radius/acceptances/:id/end': LET_IN,
  'POST /v1/blast-radius/certificates': ['admin', 'auditor', 'reviewer'],
  'PUT /v1/blast-radius/settings': ADMIN,
  'PUT /v1/tool-limits/:name': ADMIN,
  'DELETE /v1/tool-limits/:name': ADMIN,
  'POST /v1/least-privilege/proposals/:id/change': ['admin', 'author', 'operator'],
  'POST /v1/least-privilege/proposals/:id/dismiss': ['admin', 'author', 'reviewer'],
  'PUT /v1/freezes/:name': WRITE_POLICY,
  'DELETE /v1/freezes/:name': WRITE_POLICY,
  'PUT /v1/breakers/:name': WRITE_POLICY,
  'DELETE /v1/breakers/:name': WRITE_POLICY,

  'POST /v1/changes': DRAFT,
  'PUT /v1/changes/:change': DRAFT,
  'POST /v1/changes/:change/submit': DRAFT_OR_REVIEW,
  'POST /v1/changes/:change/challenge': REVIEW,
  'POST /v1/changes/:change/approve': REVIEW,
  'POST /v1/changes/:change/reject': REVIEW,
  'POST /v1/changes/:change/activate': DRAFT_OR_REVIEW,
  'POST /v1/changes/:change/withdraw': DRAFT_OR_REVIEW,
  'POST /v1/changes/:change/rollback': DRAFT,
  'POST /v1/changes/:change/preview': DRAFT_OR_REVIEW,
  'POST /v1/changes/:change/comments': TAKE_PART,
  'PUT /v1/change-settings': ADMIN,

  'POST /v1/approvals/:id/decide': DECIDE,
  'POST /v1/approvals/:id/challenge': DECIDE,
  'POST /v1/approvals/:id/opened': DECIDE,
  'POST /v1/approvals/decide': DECIDE,
  'POST /v1/approvals/:id/cancel': STOP,
  'PUT /v1/approval-reminders': OPERATE,
  'POST /v1/delegations': DECIDE,
  'POST /v1/delegations/:id/end': ['admin', 'approver'],
  'POST /v1/freezes/:name/overrides': CONTAIN,
  'POST /v1/freezes/:name/overrides/:id/approve': ['approver', 'reviewer'],
  'POST /v1/freezes/:name/overrides/:id/end': STOP,

  'POST /v1/agents/:agent/revoke': STOP,
  'POST /v1/agents/:agent/restore': CONTAIN,
  'POST /v1/agents/:agent/quarantine': STOP,
  'POST /v1/quarantines/:id/release': CONTAIN,
  'POST /v1/containments': STOP,
  'POST /v1/containments/:id/lift': CONTAIN,
  'PUT /v1/containment-settings': ADMIN,
  'POST /v1/containment-proposals/:id/confirm': STOP,
  'POST /v1/containment-proposals/:id/withdraw': STOP,
  'POST /v1/containments/rehearsals': CONTAIN,
  'PUT /v1/drills/:name': CONTAIN,
  'DELETE /v1/drills/:name': CONTAIN,
  'POST /v1/drills/:name/run': CONTAIN,
  'POST /v1/risks': OPERATE,
  'POST /v1/risks/:id/clear': CONTAIN,
  'PUT /v1/risk-transmitters/:name': ADMIN,
  'DELETE /v1/risk-transmitters/:name': ADMIN,

  'PUT /v1/detections/:rule': WRITE_POLICY,
  'DELETE /v1/detections/:rule': WRITE_POLICY,
  'POST /v1/detections/evaluator/rebuild': ADMIN,
  'POST /v1/detections/:rule/live-tests': OPERATE,
  'POST /v1/detections/live-tests/:id/siem-alert': CONTAIN,
  'POST /v1/detections/test-reports': ASK,
  'GET /v1/alerts/population': [...CONTAIN, 'auditor'],
  'POST /v1/alerts/:id/acknowledge': STOP,
  'POST /v1/alerts/:id/assign': CONTAIN,
  'POST /v1/alerts/:id/triage': CONTAIN,
  'POST /v1/alerts/:id/close': CONTAIN,
  'POST /v1/alerts/:id/reopen': CONTAIN,
  'POST /v1/alerts/:id/severity': CONTAIN,
  'POST /v1/alerts/:id/quarantine': STOP,
  'POST /v1/alerts/:id/stop': STOP,
  'POST /v1/alerts/:id/risk': OPERATE,
  'POST /v1/alert-cases/:id/triage': CONTAIN,
  'PUT /v1/alert-settings': ADMIN,
  'POST /v1/audit/queries': ALL,
  'PUT /v1/audit/queries/:id': ALL,
  'DELETE /v1/audit/queries/:id': ALL,
  'PUT /v1/review-policy': ADMIN,
  'POST /v1/reviews/preview': LET_IN,
  'POST /v1/reviews': LET_IN,
  'POST /v1/reviews/:review/close': SELF,
  'POST /v1/reviews/:review/void': ADMIN,
  'GET /v1/review-queue': SELF,
  'POST /v1/reviews/:review/items/:item/open': SELF,
  'POST /v1/reviews/:review/items/:item/decide': SELF,
  'POST /v1/reviews/:review/decide': SELF,
  'POST /v1/reviews/:review/items/:item/reassign': SELF,
  'POST /v1/reviews/:review/submit': SELF,
  'POST /v1/reviews/:review/remediations/:remediation/retry': CONTAIN,
  'POST /v1/reviews/:review/remediations/:remediation/exception': CONTAIN,
  'POST /v1/reviews/:review/remediations/:remediation/exception/approve': CONTAIN,
  'POST /v1/reviews/:review/rechecks/:item': LET_IN,
  'POST /v1/reviews/:review/signatures/options': SELF,
  'POST /v1/reviews/:review/signatures': SELF,
  'POST /v1/incidents': CONTAIN,
  'PATCH /v1/incidents/:id': CONTAIN,
  'POST /v1/incidents/:id/notes': STOP,
  'POST /v1/incidents/:id/links': CONTAIN,
  'POST /v1/incidents/:id/unlink': CONTAIN,
  'POST /v1/incidents/:id/follow-ups': CONTAIN,
  'PATCH /v1/incidents/:id/follow-ups/:follow_up': CONTAIN,
  'POST /v1/incidents/:id/close': LET_IN,
  'POST /v1/incidents/:id/reopen': CONTAIN,
  'POST /v1/evidence/bundles': ADMIN_OR_AUDITOR,
  'GET /v1/evidence/bundles/:id/download': ADMIN_OR_AUDITOR,
  'POST /v1/evidence/key/rotate': ADMIN,
  'GET /v1/incidents/:id/document': [...CONTAIN, 'auditor'],

  'POST /v1/readiness/runs': ['admin', 'auditor', 'reviewer'],
  'POST /v1/readiness/not-applicable': LET_IN,
  'POST /v1/readiness/not-applicable/:id/approve': LET_IN,
  'POST /v1/readiness/not-applicable/:id/refuse': LET_IN,
  'POST /v1/readiness/not-applicable/:id/withdraw': LET_IN,
  'POST /v1/readiness/not-applicable/:id/end': LET_IN,
  'PATCH /v1/deficiencies/:id': CONTAIN,
  'POST /v1/segregation': ADMIN,
  'POST /v1/segregation/:id/end': ADMIN,
  'POST /v1/segregation/:id/acceptances': LET_IN,
  'POST /v1/segregation/:id/acceptances/:acceptance/end': LET_IN,

  'POST /v1/tie-outs': OPERATE,
  'POST /v1/tie-outs/:id/differences/:difference/explain': CONTAIN,
  'POST /v1/samples': ['admin', 'auditor', 'reviewer'],
  'GET /v1/samples/:id/items': ['admin', 'auditor', 'reviewer'],
  'GET /v1/samples/:id/items/:n/pack': ['admin', 'auditor', 'reviewer'],
  'GET /v1/samples/:id/population': ['admin', 'auditor', 'reviewer'],

  'GET /v1/engagements': ['admin', 'auditor', 'operator', 'reviewer'],
  'POST /v1/engagements': ADMIN,
  'GET /v1/engagements/:id': ['admin', 'auditor', 'operator', 'reviewer'],
  'PATCH /v1/engagements/:id': ADMIN,
  'POST /v1/engagements/:id/end': ADMIN,
  'POST /v1/engagements/:id/people': ADMIN,
  'POST /v1/engagements/:id/people/:person/invitations': ADMIN,
  'DELETE /v1/engagements/:id/people/:person': ADMIN,
  'GET /v1/engagements/:id/access': ADMIN_OR_AUDITOR,
  'GET /v1/engagements/:id/requests': ['admin', 'auditor', 'operator', 'reviewer'],
  'GET /v1/engagements/:id/states': ['admin', 'auditor', 'operator', 'reviewer'],
  'GET /v1/engagements/:id/runs': ['admin', 'auditor', 'operator', 'reviewer'],
  // What is the auditor's alone is refused to one's own auditors where it is done.
  'POST /v1/engagements/:id/requests': ['auditor'],
  'POST /v1/engagements/:id/requests/:request/acts': ['admin', 'auditor', 'operator', 'reviewer'],
  'POST /v1/engagements/:id/states': ['auditor'],
  'GET /v1/engagements/:id/notes': ['auditor'],
  'POST /v1/engagements/:id/notes': ['auditor'],
  'POST /v1/engagements/:id/walkthrough/:step': ['auditor'],
  'POST /v1/engagements/:id/reperformances': ['auditor'],
  'POST /v1/engagements/:id/unmaskings': ['auditor'],
  'GET /v1/engagements/:id/working-set': ['auditor'],

  'POST /v1/mcp/servers': OPERATE,
  'PATCH /v1/mcp/servers/:server': OPERATE,
  'POST /v1/mcp/servers/:server/enable': OPERATE,
  'POST /v1/mcp/servers/:server/disable': STOP,
  'POST /v1/mcp/servers/:server/refresh': OPERATE,
  'PUT /v1/mcp/servers/:server/map': OPERATE,
  'POST /v1/mcp/servers/:server/definitions/:capability/approve': OPERATE,
  'POST /v1/mcp/servers/:server/definitions/:capability/off': STOP,
  'POST /v1/mcp/servers/:server/instructions/approve': OPERATE,
  'POST /v1/http/apis': OPERATE,
  'PATCH /v1/http/apis/:api': OPERATE,
  'DELETE /v1/http/apis/:api': OPERATE,
  'POST /v1/http/apis/:api/enable': OPERATE,
  'POST /v1/http/apis/:api/disable': STOP,
  'PUT /v1/http/apis/:api/document': OPERATE,
  'POST /v1/http/apis/:api/operations/:capability/approve': OPERATE,
  'POST /v1/http/apis/:api/operations/:capability/off': STOP,
  'PUT /v1/secrets/:name': OPERATE,
  'DELETE /v1/secrets/:name': OPERATE,
  'POST /v1/secrets/:name/versions/:version/promote': OPERATE,
  'POST /v1/secrets/:name/versions/:version/retire': OPERATE,
  'POST /v1/secrets/:name/test': OPERATE,
  'POST /v1/secrets/rewrap': ADMIN,

  'PUT /v1/retention': ADMIN,
  'POST /v1/retention/requests/:id/approve': LET_IN,
  'POST /v1/retention/requests/:id/withdraw': LET_IN,
  'POST /v1/redactions': ADMIN,
  'GET /v1/redactions/outside': ADMIN_OR_AUDITOR,
  'GET /v1/legal-holds': ['admin', 'auditor', 'reviewer'],
  'POST /v1/legal-holds': LET_IN,
  'GET /v1/legal-holds/:id': ['admin', 'auditor', 'reviewer'],
  'POST /v1/legal-holds/:id/release': LET_IN,
  'POST /v1/disposals': ADMIN,
  'GET /v1/people/:person/erasure-report': ADMIN_OR_AUDITOR,

  'POST /v1/webhooks': OPERATE,
  'DELETE /v1/webhooks/:id': OPERATE,
  'POST /v1/webhooks/:id/enable': OPERATE,
  // Whoever has its signing secret speaks for everybody who decides there.
  'PUT /v1/channels/slack': ADMIN,
  'PUT /v1/channels/email': OPERATE,
  'DELETE /v1/channels/:channel': OPERATE,
  'POST /v1/channels/:channel/test': OPERATE,
  'POST /v1/channel-messages/:id/retry': OPERATE,
  'POST /v1/siem/sinks': OPERATE,
  'POST /v1/siem/sinks/test': OPERATE,
  'PATCH /v1/siem/sinks/:sink': OPERATE,
  'DELETE /v1/siem/sinks/:sink': OPERATE,
  'POST /v1/siem/sinks/:sink/test': OPERATE,
  'POST /v1/siem/sinks/:sink/pause': OPERATE,
  'POST /v1/siem/sinks/:sink/resume': OPERATE,
  'POST /v1/siem/sinks/:sink/replays': OPERATE,
  'POST /v1/siem/sinks/:sink/replays/:id/cancel': OPERATE,
  'POST /v1/siem/sinks/:sink/dead-letters/redrive': OPERATE,
  'POST /v1/siem/sinks/:sink/dead-letters/drop': OPERATE,
  'POST /v1/siem/sinks/:sink/skips': OPERATE,
  'POST /v1/siem/sinks/:sink/skips/:id/confirm': OPERATE,
  'POST /v1/siem/sinks/:sink/skips/:id/withdraw': OPERATE,
};

const MORE_THAN_READING = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Roles of which the caller has one; set from the table. */
    may?: readonly WorkspaceRole[];
  }
}

/**
 * Gives each route registered on `api` after this the roles that may call it. `check` then throws when the table does not
 * have one that changes something, or has what is no route.
 */
export function installPermissions(api: Api): { readonly check: () => void } {
  const unlisted: string[] = [];
  const unused = new Set(Object.keys(PERMISSIONS));
  api.addHook('onRoute', (route) => {
    for (const method of [route.method].flat()) {
      const name = `${method} ${route.url}`;
      const may = PERMISSIONS[name] ?? (MORE_THAN_READING.has(method) ? [] : ALL);
      if (may.length === 0) unlisted.push(name);
      unused.delete(name);
      route.config = { ...route.config, may };
    }
  });
  return {
    check: () => {
      if (unlisted.length + unused.size === 0) return;
      throw new Error(
        `api/permissions.ts does not say who may call: ${unlisted.join(', ')}; and has what is no route: ${[...unused].join(', ')}`,
      );
    },
  };
}

/** Throws `role_missing` unless one of the roles may. */
export function checkPermission(roles: readonly WorkspaceRole[], may: readonly WorkspaceRole[]): void {
  if (may === SELF || roles.some((role) => may.includes(role))) return;
  throw new Failure(
    403,
    'role_missing',
    roles.length === 0
      ? 'You have no role in this workspace.'
      : `This takes the role ${may.join(' or ')}; you are ${roles.join(', ')}.`,
    'Ask an administrator of the workspace for a role that may do this.',
  );
}
