/** Names of the fields that rules read, in the form that a SIEM has them. */
import { ENVELOPE_FIELDS, RECORD_FIELDS } from '@hivekey/siem';

export const TARGETS = ['splunk', 'elastic', 'sentinel'] as const;
/** Splunk has OCSF 1.8.0, Elastic ECS 9.4, Sentinel the flat view. */
export type Target = (typeof TARGETS)[number];

const OCSF: Readonly<Record<string, string>> = {
  kind: 'metadata.event_code',
  event_id: 'metadata.uid',
  seq: 'metadata.sequence',
  ts: 'metadata.original_time',
  workspace: 'metadata.tenant_uid',
  run_id: 'metadata.correlation_uid',
  session_id: 'actor.session.uid',
  agent_id: 'actor.app_uid',
  agent: 'actor.app_name',
  tool: 'api.operation',
};

const ECS: Readonly<Record<string, string>> = {
  kind: 'event.code',
  event_id: 'event.id',
  seq: 'event.sequence',
  ts: '@timestamp',
  workspace: 'organization.id',
  agent_id: 'gen_ai.agent.id',
  agent: 'gen_ai.agent.name',
  reason: 'event.reason',
};

/** What is no column of its own stands one level deeper. */
function isColumn(field: string): boolean {
  return Object.hasOwn(RECORD_FIELDS, field) || Object.hasOwn(ENVELOPE_FIELDS, field);
}

export function nameIn(target: Target, field: string): string {
  const more = isColumn(field) ? '' : 'more.';
  switch (target) {
    case 'splunk':
      return OCSF[field] ?? `unmapped.hivekey.${more}${field}`;
    case 'elastic':
      return ECS[field] ?? `hivekey.${more}${field}`;
    case 'sentinel':
      return `${more}${field}`;
  }
}
