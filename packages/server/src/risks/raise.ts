/**
 * Raising and clearing signals. What is decided about the subject afterwards is decided with it: the revision of the
 * agents, or of the policy for a tool, grows in the same transaction, and every record compares it. That a signal
 * ends needs nobody: decisions made with it hold until then.
 */
import { readAgent } from '../agents/index.ts';
import { findCapability } from '../capabilities/index.ts';
import { Failure } from '../errors.ts';
import { newId, type WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { readPerson } from '../people/index.ts';
import { type NewRisk, type RiskView, readRisk } from './risk.ts';

/** Who raises it: an administrator, or a transmitter with the token that says so. */
export interface RiskSource {
  readonly workspaceId: WorkspaceId;
  /** As it stands in the log. */
  readonly actor: string;
  readonly token?: { readonly issuer: string; readonly jti: string };
}

/** Throws `agent_not_found`, `person_not_found`, `capability_not_found`. A token that was taken before answers undefined. */
export function raiseRisk(log: ActionLog, source: RiskSource, wanted: NewRisk): Promise<RiskView | undefined> {
  return log.transact(source.workspaceId, (transaction) => raiseRiskIn(transaction, source, wanted));
}

/** As `raiseRisk`, in a transaction that does more. */
export async function raiseRiskIn(
  transaction: LoggedTransaction,
  source: RiskSource,
  wanted: NewRisk,
): Promise<RiskView | undefined> {
  const { workspaceId, actor, token } = source;
  const { client } = transaction;
  const { kind } = wanted.subject;
  const { id: subject, name } = await subjectOf(transaction, workspaceId, wanted.subject);
  const id = newId<string>('rsk');
  const { rowCount } = await client.query(
    `INSERT INTO risk_signals (workspace_id, id, kind, subject, subject_name, level, reason, source, issuer, jti, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, clock_timestamp() + make_interval(secs => $11))
     ON CONFLICT (workspace_id, issuer, jti) DO NOTHING`,
    [
      workspaceId,
      id,
      kind,
      subject,
      name,
      wanted.level,
      wanted.reason,
      actor,
      token?.issuer,
      token?.jti,
      wanted.expires_in_seconds,
    ],
  );
  if (rowCount === 0) return undefined;
  const raised = await readRisk(client, workspaceId, id);
  transaction.log({
    kind: 'risk.raised',
    actor,
    risk_id: id,
    subject: { kind, id: subject, name },
    level: wanted.level,
    reason: wanted.reason,
    expires_at: new Date(raised.expires_at * 1000).toISOString(),
    ...(token === undefined ? {} : { issuer: token.issuer, jti: token.jti }),
  });
  await outdate(transaction, source, raised);
  return raised;
}

/** Clearing twice answers the cleared signal. Throws `risk_not_found`. */
export function clearRisk(log: ActionLog, source: RiskSource, id: string, reason: string): Promise<RiskView> {
  const { workspaceId, actor } = source;
  return log.transact(workspaceId, async (transaction) => {
    const { client } = transaction;
    const { rowCount } = await client.query(
      `UPDATE risk_signals SET cleared_at = clock_timestamp(), cleared_by = $3
        WHERE workspace_id = $1 AND id = $2 AND cleared_at IS NULL`,
      [workspaceId, id, actor],
    );
    const risk = await readRisk(client, workspaceId, id);
    if (rowCount === 0) return risk;
    transaction.log({ kind: 'risk.cleared', actor, risk_id: id, subject: risk.subject, level: risk.level, reason });
    await outdate(transaction, source, risk);
    return risk;
  });
}

async function subjectOf(
  { client }: LoggedTransaction,
  workspaceId: WorkspaceId,
  { kind, id }: NewRisk['subject'],
): Promise<{ readonly id: string; readonly name: string }> {
  switch (kind) {
    case 'agent':
      return readAgent(client, workspaceId, id);
    case 'owner': {
      const person = await readPerson(client, workspaceId, id);
      return { id: person.id, name: person.email };
    }
    case 'tool': {
      const capability = await findCapability(client, workspaceId, id);
      if (capability !== undefined) return { id: capability.name, name: capability.name };
      throw new Failure(
        404,
        'capability_not_found',
        `There is no capability "${id}".`,
        'List capabilities with GET /v1/capabilities.',
      );
    }
  }
}

/**
 * For a tool the number of the policy moves on and the policy stays as it is: the numbers in between belong to the
 * revision before them, so that signals do not fill the history of the policy.
 */
async function outdate(
  transaction: LoggedTransaction,
  { workspaceId }: RiskSource,
  { subject: { kind, id } }: RiskView,
): Promise<void> {
  if (kind === 'tool') {
    await transaction.client.query(
      'UPDATE workspace_state SET policy_revision = policy_revision + 1, updated_at = now() WHERE workspace_id = $1',
      [workspaceId],
    );
    return;
  }
  await transaction.client.query(
    `UPDATE agent_state s SET revision = s.revision + 1 FROM agents a
      WHERE s.workspace_id = $1 AND a.workspace_id = $1 AND a.id = s.agent_id AND CASE $2 WHEN 'agent' THEN a.id ELSE a.owner_id END = $3`,
    [workspaceId, kind, id],
  );
}
