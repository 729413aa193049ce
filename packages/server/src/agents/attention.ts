/** What of an agent somebody should look at, as an expression of SQL. */
import { DEFAULT_AGENT_SETTINGS } from './settings.ts';

/** Days, as the workspace of an agent has set them. */
export function daysOf(agent: string, setting: 'dormant_days' | 'warn_days'): string {
  return `make_interval(days => coalesce((SELECT x.${setting} FROM agent_settings x WHERE x.workspace_id = ${agent}.workspace_id), ${DEFAULT_AGENT_SETTINGS[setting]}))`;
}

/**
 * An array of text, from rows of agents, agent_state and people. Of an agent that a stop covers nothing: it is over.
 * `orphan` as in GET /v1/orphans.
 */
export function attentionOf(agent: string, state: string, owner: string): string {
  const deputies = `FROM agent_deputies d WHERE d.workspace_id = ${agent}.workspace_id AND d.agent_id = ${agent}.id`;
  return `CASE WHEN ${state}.status = 'revoked' THEN ARRAY[]::text[] ELSE array_remove(ARRAY[
    CASE WHEN ${agent}.dormant_since IS NOT NULL THEN 'dormant' END,
    CASE WHEN ${agent}.dormant_since IS NOT NULL AND ${state}.last_action_at IS NULL THEN 'never_used' END,
    CASE WHEN ${agent}.valid_until > clock_timestamp()
          AND ${agent}.valid_until <= clock_timestamp() + ${daysOf(agent, 'warn_days')} THEN 'expiring' END,
    CASE WHEN ${agent}.valid_until <= clock_timestamp() THEN 'expired' END,
    CASE WHEN NOT EXISTS (
      SELECT FROM agent_tokens t WHERE t.workspace_id = ${agent}.workspace_id AND t.agent_id = ${agent}.id AND t.revoked_at IS NULL
         AND t.authz_epoch = ${state}.authz_epoch AND t.expires_at > clock_timestamp())
      AND NOT EXISTS (
      SELECT FROM agent_credentials c WHERE c.workspace_id = ${agent}.workspace_id AND c.agent_id = ${agent}.id AND c.revoked_at IS NULL
         AND c.authz_epoch = ${state}.authz_epoch AND c.not_after > clock_timestamp()) THEN 'no_credential' END,
    CASE WHEN NOT ${owner}.active OR (EXISTS (SELECT ${deputies}) AND NOT EXISTS (
      SELECT ${deputies} AND CASE WHEN d.person_id IS NOT NULL
        THEN EXISTS (SELECT FROM people m WHERE m.workspace_id = d.workspace_id AND m.id = d.person_id AND m.active)
        ELSE EXISTS (SELECT FROM people m WHERE m.workspace_id = d.workspace_id AND m.active AND d."group" = ANY(m.groups)) END)) THEN 'orphan' END
  ]::text[], NULL) END`;
}
