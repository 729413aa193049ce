/** Item 6, the approval log: every call that waited for a person in the period, and what became of it until its end. */
import { canonicalJson } from '@hivekey/action-log';
import type { Cell, Json, TableShape } from '@hivekey/evidence';
import { covers } from '@hivekey/policy';
import { type Authority, hasAuthority } from '../../approvals/index.ts';
import { column } from '../column.ts';
import { endOf } from '../period.ts';
import { population } from '../population.ts';
import type { Report, ReportContent, ReportScope } from '../report.ts';
import { streamRows } from '../snapshot.ts';
import { viewsOf } from './approval-views.ts';
import { LIMITS, limitsIn } from './authority-limits.ts';
import { DECISIONS, decisionsIn } from './decisions.ts';

const APPROVALS: TableShape = {
  name: 'approvals',
  title: 'Calls that waited for people',
  columns: [
    column('approval_id', 'id', 'Of the approval.'),
    column('action_id', 'id', 'The record of the held call.'),
    column('seq', 'integer', 'Its number in the log.'),
    column('agent_id', 'id', 'The agent that asked.'),
    column('owner_at_time', 'text', 'Who answered for it then.'),
    column('capability', 'id', 'What it asked for.'),
    column(
      'payload_sha256',
      'id',
      'HMAC-SHA-256 of the canonical arguments that the approval is bound to, under a key of the workspace.',
    ),
    column('amount_minor', 'integer', 'Money that the call spends, in minor units.'),
    column('currency', 'text', 'Of the amount, ISO 4217.'),
    column('counterparty', 'text', 'Whom it pays, where it is sent to, what it is done to.'),
    column('risk_reasons', 'list', 'What each rule said that held it.'),
    column('rule_id', 'text', 'The rule that decided.'),
    column('rule_version', 'integer', 'Revision of the policy that the rule is of.'),
    column('requested_at', 'time', 'Since when it waited.'),
    column('shown_to', 'list', 'People who opened it, as far as the server saw it.'),
    column('shown_view_sha256', 'id', 'SHA-256 of the RFC 8785 form of what deciders are shown; `views` has it.'),
    column(
      'decision',
      'text',
      '`approved`, `denied`, `expired`, `cancelled`, or `pending`: not decided by the end of the period.',
    ),
    column('decider_user_id', 'id', 'The person whose word decided.'),
    column('decider_role', 'list', 'Groups of that person, as they were then.'),
    column(
      'decider_authority_limit',
      'integer',
      'Most that the person could approve of this, in the minor units of the amount. Empty: no limit was set.',
    ),
    column('authority_ok', 'boolean', 'Of an approval, whether it is within that.'),
    column('decider_is_requester', 'boolean', 'Whether they made the credential of the call.'),
    column('decider_is_agent_owner', 'boolean', 'Whether they answered for the agent then.'),
    column('mfa_at', 'time', 'When they proved it with a second factor or a passkey. Empty: no record that they did.'),
    column('channel', 'text', '`api`, `cli`, `console` or `slack`.'),
    column('decided_at', 'time', 'When it was decided.'),
    column('seconds_to_decide', 'integer', 'Since it waited.'),
    column('bulk_size', 'integer', 'How many were decided in one move. Empty: this one alone.'),
    column('reason', 'text', 'As the decider gave it.'),
    column('expires_at', 'time', 'Until when it could be decided.'),
    column('executed_at', 'time', 'When the call ran.'),
    column('executed_payload_sha256', 'id', 'HMAC-SHA-256 of the arguments that ran.'),
    column('payload_match', 'boolean', 'Whether these are those that were approved.'),
    column(
      'outcome',
      'text',
      '`success`, `error`, `unknown`, or `not_attempted` of one that was stopped or not collected.',
    ),
    column('second_approver', 'list', 'Who else approved it.'),
    column('decider_email', 'text', 'Work address of the decider.'),
    column('decider_subjects', 'list', 'Accounts of the decider at identity providers, as `issuer subject`.'),
    column('authenticated_at', 'time', 'When the decider was authenticated.'),
    column('signature_id', 'id', 'Signature by a passkey over what was decided, where there is one.'),
    column('decided_before_executed', 'boolean', 'Of one that ran, whether it was decided before.'),
    column('seconds_on_view', 'integer', 'From when the decider had opened it.'),
    column('carried_over', 'boolean', 'Whether it had waited since before the period.'),
  ],
};

interface Row {
  approval_id: string;
  action_id: string;
  seq: number | null;
  agent_id: string;
  owner_id: string;
  owner_at_time: string;
  capability: string;
  impact: Readonly<Record<string, number>>;
  bound_args: string;
  view_digest: string;
  reason: string;
  record: Readonly<Record<string, Json>> | null;
  rule: string | null;
  policy_revision: number;
  requested_at: Date;
  expires_at: Date;
  shown_to: string[];
  decided_at: Date | null;
  expired_at: Date | null;
  cancelled_at: Date | null;
  released_at: Date | null;
  released_args: string | null;
  outcome: string | null;
  ended_reason: string | null;
  decider_id: string | null;
  decider: string | null;
  decider_says: 'approve' | 'deny' | null;
  decider_groups: string[] | null;
  decider_at: Date | null;
  decider_reason: string | null;
  decider_channel: string | null;
  decider_bulk: number | null;
  authenticated_at: Date | null;
  second_factor: boolean;
  signature_id: string | null;
  signed_at: Date | null;
  opened_at: Date | null;
  authority: readonly Authority[] | null;
  authority_known: boolean;
  is_requester: boolean | null;
  subjects: string[];
  others: string[];
  carried_over: boolean;
}

// Open at any moment of the period. What happened after its end is of the next one.
const QUERY = `
SELECT a.id AS approval_id, a.event_id AS action_id, h.seq, a.agent_id, a.owner_id, a.owner AS owner_at_time, a.capability, a.impact,
       a.binding ->> 'args' AS bound_args, a.binding ->> 'view' AS view_digest, a.reason, h.record, a.rule, a.policy_revision,
       a.requested_at, a.expires_at, a.requested_at < $2 AS carried_over,
       ARRAY(SELECT DISTINCT p.email FROM approval_openings o JOIN people p ON p.workspace_id = o.workspace_id AND p.id = o.person_id
              WHERE o.workspace_id = a.workspace_id AND o.approval_id = a.id AND o.opened_at < $3 ORDER BY 1) AS shown_to,
       CASE WHEN a.decided_at < $3 THEN a.decided_at END AS decided_at,
       CASE WHEN a.status = 'expired' AND coalesce(a.ended_at, a.expires_at) < $3 THEN coalesce(a.ended_at, a.expires_at)
            WHEN a.status IN ('pending', 'approved') AND a.expires_at < $3 THEN a.expires_at END AS expired_at,
       CASE WHEN a.status = 'cancelled' AND a.ended_at < $3 THEN a.ended_at END AS cancelled_at,
       CASE WHEN a.released_at < $3 THEN a.released_at END AS released_at,
       r.record ->> 'args_digest' AS released_args,
       coalesce(t.outcome, CASE WHEN a.ended_at < $3 AND a.decided_at IS NOT NULL AND a.status IN ('stopped', 'expired', 'cancelled') THEN 'not_attempted' END) AS outcome,
       CASE WHEN a.ended_at < $3 THEN a.ended_reason END AS ended_reason,
       d.person_id AS decider_id, d.person AS decider, d.decision AS decider_says, d.groups AS decider_groups, d.decided_at AS decider_at,
       d.reason AS decider_reason, d.channel AS decider_channel, d.bulk AS decider_bulk, d.authenticated_at,
       coalesce(f.found, false) AS second_factor, g.id AS signature_id, g.signed_at, o.opened_at,
       v.document -> 'authority' AS authority, v.version IS NOT NULL AS authority_known,
       CASE WHEN d.person_id IS NOT NULL THEN
         EXISTS (SELECT FROM (SELECT created_by FROM agent_tokens t WHERE t.workspace_id = a.workspace_id AND t.id = a.token_id
                              UNION ALL
                              SELECT created_by FROM agent_credentials t WHERE t.workspace_id = a.workspace_id AND t.id = a.token_id) AS made
                  WHERE made.created_by = 'person:' || d.person
                     OR made.created_by IN (SELECT 'key:' || k.name FROM admin_keys k WHERE k.workspace_id = a.workspace_id AND k.person_id = d.person_id))
         OR EXISTS (SELECT FROM admin_keys k WHERE k.workspace_id = a.workspace_id AND k.id = a.token_id AND k.person_id = d.person_id)
       END AS is_requester,
       ARRAY(SELECT i.issuer || ' ' || i.subject FROM person_identities i
              WHERE i.workspace_id = a.workspace_id AND i.person_id = d.person_id AND i.linked_at <= d.decided_at ORDER BY 1) AS subjects,
       ARRAY(SELECT x.person FROM approval_decisions x
              WHERE x.workspace_id = a.workspace_id AND x.approval_id = a.id AND x.decision = 'approve' AND x.decided_at < $3
                AND x.person_id <> d.person_id ORDER BY x.decided_at) AS others
  FROM approvals a
  LEFT JOIN LATERAL (SELECT x.seq, x.record FROM actions x WHERE x.workspace_id = a.workspace_id AND x.event_id = a.event_id LIMIT 1) h ON true
  LEFT JOIN LATERAL (SELECT x.record FROM actions x
                      WHERE a.released_at < $3 AND x.workspace_id = a.workspace_id AND x.event_id = a.call_event_id LIMIT 1) r ON true
  LEFT JOIN LATERAL (SELECT x.outcome FROM actions x
                      WHERE a.released_at < $3 AND x.workspace_id = a.workspace_id AND x.call_event_id = a.call_event_id AND x.kind = 'tool.result'
                        AND x.ts < $3 ORDER BY x.outcome = 'unknown', x.seq LIMIT 1) t ON true
  LEFT JOIN LATERAL (SELECT x.* FROM approval_decisions x
                      WHERE x.workspace_id = a.workspace_id AND x.approval_id = a.id AND x.decided_at < $3
                      ORDER BY x.decision = 'deny' DESC, x.decided_at DESC LIMIT 1) d ON true
  LEFT JOIN LATERAL (SELECT s.id, s.signed_at FROM signed_decisions s
                      WHERE s.workspace_id = a.workspace_id AND s.kind = 'approval' AND s.subject_id = a.id AND s.person_id = d.person_id
                      ORDER BY s.signed_at DESC LIMIT 1) g ON true
  LEFT JOIN LATERAL (SELECT min(p.opened_at) AS opened_at FROM approval_openings p
                      WHERE p.workspace_id = a.workspace_id AND p.approval_id = a.id AND p.person_id = d.person_id) o ON true
  LEFT JOIN LATERAL (SELECT v.version, v.document FROM object_versions v
                      WHERE v.workspace_id = a.workspace_id AND v.object_type = 'person_authority' AND v.object_id = d.person_id
                        AND v.activated_at <= d.decided_at ORDER BY v.version DESC LIMIT 1) v ON true
  LEFT JOIN LATERAL (SELECT x.record -> 'amr' ?| ARRAY['mfa', 'hwk', 'swk', 'otp', 'fpt', 'face'] AS found FROM actions x
                      WHERE x.workspace_id = a.workspace_id AND x.kind IN ('session.started', 'session.stepped_up')
                        AND x.record ->> 'session' = d.key_id AND x.ts <= d.decided_at
                      ORDER BY 1 DESC NULLS LAST LIMIT 1) f ON true
 WHERE a.workspace_id = $1 AND a.requested_at < $3
   AND (a.requested_at >= $2 OR coalesce(a.ended_at, a.expires_at) >= $2)
   AND NOT EXISTS (SELECT FROM agents s WHERE s.workspace_id = a.workspace_id AND s.id = a.agent_id AND s.rehearsal_id IS NOT NULL)
 ORDER BY a.requested_at, a.id`;

export const approvalsReport: Report = {
  id: 'approvals',
  folder: '06_approvals',
  item: 6,
  title: 'Approval log',
  about:
    'Every call that waited for a person at any moment of the period, with what was decided, denied, expired and cancelled, by whom, with which authority, and whether what ran is what was approved. `views` has what the deciders were shown. It proves that people decided before, who could, about what ran.',
  controls: ['AG-12'],
  tables: [APPROVALS, DECISIONS, LIMITS],
  query: QUERY.trim(),
  read: readApprovals,
};

async function readApprovals(scope: ReportScope): Promise<ReportContent> {
  const { client, workspaceId, period } = scope;
  const end = endOf(period, scope.asOf);
  const values = [workspaceId, period.from, end];
  const seconds: number[] = [];
  async function* found(): AsyncGenerator<object, void, undefined> {
    for await (const row of streamRows<Row>(client, QUERY, values)) {
      const made = rowOf(row);
      if (typeof made.seconds_to_decide === 'number') seconds.push(made.seconds_to_decide);
      yield made;
    }
  }
  const approvals = population(APPROVALS, found(), {
    count: ['decision', 'payload_match', 'authority_ok', 'decider_is_requester', 'carried_over'],
    sum: [{ column: 'amount_minor', currency: 'currency' }],
    seq: 'seq',
  });
  const decisions = population(DECISIONS, decisionsIn(scope, end), { count: ['decision', 'counted'], seq: 'seq' });
  const limits = population(LIMITS, await limitsIn(scope), { count: ['limit'] });
  return {
    rows: { [APPROVALS.name]: approvals.rows, [DECISIONS.name]: decisions.rows, [LIMITS.name]: limits.rows },
    facts: async () => {
      const { rows } = await client.query<{
        approvals: number;
        requested: number;
        carried: number;
        held: number;
        decisions: number;
      }>(
        `SELECT (SELECT count(*) FROM approvals a WHERE a.workspace_id = $1 AND a.requested_at < $3 AND (a.requested_at >= $2 OR coalesce(a.ended_at, a.expires_at) >= $2)
                    AND NOT EXISTS (SELECT FROM agents s WHERE s.workspace_id = a.workspace_id AND s.id = a.agent_id AND s.rehearsal_id IS NOT NULL)) AS approvals,
                (SELECT count(*) FROM approvals a WHERE a.workspace_id = $1 AND a.requested_at < $2 AND coalesce(a.ended_at, a.expires_at) >= $2
                    AND NOT EXISTS (SELECT FROM agents s WHERE s.workspace_id = a.workspace_id AND s.id = a.agent_id AND s.rehearsal_id IS NOT NULL)) AS carried,
                (SELECT count(*) FROM actions x WHERE x.workspace_id = $1 AND x.kind = 'approval.requested' AND x.ts >= $2 AND x.ts < $3
                    AND NOT EXISTS (SELECT FROM agents s WHERE s.workspace_id = x.workspace_id AND s.id = x.agent_id AND s.rehearsal_id IS NOT NULL)) AS requested,
                (SELECT count(*) FROM actions x WHERE x.workspace_id = $1 AND x.kind = 'tool.call' AND x.verdict = 'review' AND x.ts >= $2 AND x.ts < $3) AS held,
                (SELECT count(*) FROM actions x WHERE x.workspace_id = $1 AND x.kind IN ('approval.decided', 'approval.refused') AND x.ts >= $2 AND x.ts < $3) AS decisions`,
        values,
      );
      const [known] = rows;
      if (known === undefined) throw new Error('a count said nothing');
      const median = seconds.toSorted((a, b) => a - b)[Math.floor(seconds.length / 2)];
      return {
        [APPROVALS.name]: approvals.facts(
          { database: known.approvals, 'log and carried over': known.requested + known.carried },
          {
            control_totals: {
              held_calls_in_log: known.held,
              ...(median === undefined ? {} : { median_seconds_to_decide: median }),
            },
          },
        ),
        [DECISIONS.name]: decisions.facts({ log: known.decisions }),
        [LIMITS.name]: limits.facts({}),
      };
    },
    attachments: () => viewsOf(scope, end),
  };
}

function rowOf(row: Row): Record<string, Cell | Date> {
  const money = Object.entries(row.impact).find(([unit]) => /^[a-z]{3}$/.test(unit));
  const decision = decisionOf(row);
  const isDecided = decision === 'approved' || decision === 'denied';
  const decided = isDecided ? row : undefined;
  const at = decided?.decider_at ?? null;
  const limit = decided === undefined ? null : limitOf(row, money?.[0]);
  const record = row.record ?? {};
  const ran = row.released_at;
  return {
    approval_id: row.approval_id,
    action_id: row.action_id,
    seq: row.seq,
    agent_id: row.agent_id,
    owner_at_time: row.owner_at_time,
    capability: row.capability,
    payload_sha256: row.bound_args,
    amount_minor: money?.[1] ?? null,
    currency: money?.[0].toUpperCase() ?? null,
    counterparty: record.payee ?? record.dest ?? record.resource ?? null,
    risk_reasons: reasonsOf(row),
    rule_id: row.rule,
    rule_version: row.policy_revision,
    requested_at: row.requested_at,
    shown_to: row.shown_to,
    shown_view_sha256: row.view_digest,
    decision,
    decider_user_id: decided?.decider_id ?? null,
    decider_role: decided?.decider_groups ?? [],
    decider_authority_limit: limit,
    authority_ok:
      decision === 'approved' ? hasAuthority({ authority: row.authority }, row.capability, row.impact) : null,
    decider_is_requester: decided?.is_requester ?? null,
    decider_is_agent_owner: decided === undefined ? null : decided.decider_id === row.owner_id,
    mfa_at: decided === undefined ? null : (row.signed_at ?? (row.second_factor ? row.authenticated_at : null)),
    channel: decided?.decider_channel ?? null,
    decided_at: isDecided ? at : (row.expired_at ?? row.cancelled_at),
    seconds_to_decide: at === null ? null : Math.floor((at.getTime() - row.requested_at.getTime()) / 1000),
    bulk_size: decided?.decider_bulk ?? null,
    reason: decided?.decider_reason ?? row.ended_reason,
    expires_at: row.expires_at,
    executed_at: ran,
    executed_payload_sha256: row.released_args,
    payload_match: ran === null || row.released_args === null ? null : row.released_args === row.bound_args,
    outcome: row.outcome,
    second_approver: decision === 'approved' ? row.others : [],
    decider_email: decided?.decider ?? null,
    decider_subjects: decided?.subjects ?? [],
    authenticated_at: decided?.authenticated_at ?? null,
    signature_id: decided?.signature_id ?? null,
    decided_before_executed: ran === null || at === null ? null : at <= ran,
    seconds_on_view:
      at === null || row.opened_at === null || row.opened_at > at
        ? null
        : Math.floor((at.getTime() - row.opened_at.getTime()) / 1000),
    carried_over: row.carried_over,
  };
}

function decisionOf(row: Row): string {
  if (row.decided_at !== null) return row.decider_says === 'deny' ? 'denied' : 'approved';
  if (row.cancelled_at !== null) return 'cancelled';
  return row.expired_at === null ? 'pending' : 'expired';
}

/** Null: none was set, or none is known. A unit that is not listed may not be approved at all. */
function limitOf({ authority, authority_known: isKnown, capability }: Row, unit: string | undefined): number | null {
  if (!isKnown || authority === null || unit === undefined) return null;
  const covering = authority.filter(({ capability: pattern }) => covers(pattern, capability));
  if (covering.some(({ max }) => max === undefined)) return null;
  return Math.max(0, ...covering.map(({ max }) => max?.[unit] ?? 0));
}

function reasonsOf({ record, reason }: Row): string[] {
  const trace = record?.trace;
  const said = Array.isArray(trace)
    ? trace.flatMap((step): string[] => {
        if (typeof step !== 'object' || step === null || !('result' in step) || step.result !== 'review') return [];
        return 'sentence' in step && typeof step.sentence === 'string' ? [step.sentence] : [canonicalJson(step)];
      })
    : [];
  return said.length > 0 ? said : [reason];
}
