/** What can be done about an alert from where it is read: hold the agent, stop what it is about, or say how risky that is. */
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import {
  askForStop,
  containmentSchema,
  enterQuarantine,
  newQuarantineSchema,
  proposalSchema,
  quarantineSchema,
  type StopContext,
} from '../containment/index.ts';
import { Failure } from '../errors.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { newRiskSchema, type RiskView, raiseRiskIn, riskSchema } from '../risks/index.ts';
import { type AlertRow, alertFields, readAlert } from './alert.ts';

const reason = z.string().trim().min(1).max(400);

export const alertQuarantineSchema = z.strictObject({ ...newQuarantineSchema.unwrap().shape, reason });
export const alertStopSchema = z.strictObject({ reason });
export const alertRiskSchema = z.strictObject({
  level: newRiskSchema.shape.level,
  reason,
  expires_in_seconds: newRiskSchema.shape.expires_in_seconds,
});
export const stopAnswerSchema = z.discriminatedUnion('object', [containmentSchema, proposalSchema]);
export { quarantineSchema, riskSchema };

/** Throws `alert_not_found`, `alert_action_unfit`, and as `enterQuarantine`. */
export function quarantineFor(
  log: ActionLog,
  who: Administrator,
  id: string,
  { reason: words, ...rest }: z.output<typeof alertQuarantineSchema>,
) {
  return log.transact(who.workspaceId, async (transaction) => {
    const alert = await readAlert(transaction.client, who.workspaceId, id);
    const agentId = scopeOf(alert, ['agent']).id;
    const quarantine = await enterQuarantine(transaction, who, agentId, { ...rest, reason: reasonOf(alert, words) });
    noteAction(transaction, who, alert, words, { action: 'quarantine', quarantine_id: quarantine.id });
    return quarantine;
  });
}

const STOP_SCOPES = { agent: 'agent', owner: 'owner', person: 'owner', role: 'role', tool: 'tool' } as const;

/** Where the workspace asks for two people, it is proposed. Throws `alert_not_found`, `alert_action_unfit`, and as `askForStop`. */
export async function stopFor(context: StopContext, who: Administrator, id: string, words: string) {
  const { pool, log } = context;
  const alert = await readAlert(pool, who.workspaceId, id);
  const subject = scopeOf(alert, ['agent', 'owner', 'person', 'role', 'tool']);
  const scope = STOP_SCOPES[subject.kind];
  const answer = await askForStop(context, who, { scope, target: subject.id, reason: reasonOf(alert, words) });
  const made = answer.object === 'containment' ? { containment_id: answer.id } : { proposal_id: answer.id };
  await log.transact(who.workspaceId, async (transaction) =>
    noteAction(transaction, who, alert, words, { action: 'stop', scope, ...made }),
  );
  return answer;
}

/** Throws `alert_not_found`, `alert_action_unfit`, and as `raiseRisk`. */
export function raiseRiskFor(
  log: ActionLog,
  who: Administrator,
  id: string,
  { level, reason: words, expires_in_seconds: seconds }: z.output<typeof alertRiskSchema>,
): Promise<RiskView> {
  return log.transact(who.workspaceId, async (transaction) => {
    const alert = await readAlert(transaction.client, who.workspaceId, id);
    const { kind, id: subject } = scopeOf(alert, ['agent', 'owner', 'person', 'tool']);
    const risk = await raiseRiskIn(transaction, who, {
      subject: { kind: kind === 'person' ? 'owner' : kind, id: subject },
      level,
      reason: reasonOf(alert, words),
      expires_in_seconds: seconds,
    });
    if (risk === undefined) throw new Error('only a token can have been taken before');
    noteAction(transaction, who, alert, words, { action: 'risk', risk_id: risk.id, level });
    return risk;
  });
}

/** The order names the alert, as the alert's record names the order. */
function reasonOf({ id }: AlertRow, words: string): string {
  return `${id}: ${words}`;
}

function noteAction(
  { log }: LoggedTransaction,
  { actor, person }: Administrator,
  alert: AlertRow,
  words: string,
  what: Readonly<Record<string, unknown>>,
): void {
  log({
    kind: 'alert.acted',
    actor,
    ...alertFields(alert),
    person: person?.email,
    incident_id: alert.incident ?? undefined,
    ...what,
    reason: words,
  });
}

function scopeOf<Kind extends string>(
  { id, subject }: AlertRow,
  kinds: readonly Kind[],
): { readonly kind: Kind; readonly id: string } {
  const kind = kinds.find((each) => each === subject.kind);
  if (kind !== undefined) return { kind, id: subject.id };
  throw new Failure(
    409,
    'alert_action_unfit',
    `The alert ${id} is about a ${subject.kind}, and this is done to a ${kinds.join(' or ')}.`,
    'Name whom it concerns by the route of the order itself: POST /v1/containments, /v1/risks or /v1/agents/:agent/quarantine.',
  );
}
