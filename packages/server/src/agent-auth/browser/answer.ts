/** The person says yes or no. Yes becomes a connection when the client redeems its code; either is on the log. */
import { z } from 'zod';
import { readAgent } from '../../agents/index.ts';
import type { Administrator } from '../../api/route.ts';
import { Failure } from '../../errors.ts';
import { checkStillThere, ownSignInProblem } from '../../identity/index.ts';
import { newId } from '../../ids.ts';
import type { ActionLog, LoggedTransaction } from '../../log/index.ts';
import { refuseMany, refuseRole, refuseStopped } from '../credentials.ts';
import { artifactHash } from './artifacts.ts';
import { INTERACTION_SECONDS } from './provider.ts';
import { type Asker, checkLetIn, type Question } from './question.ts';

export const allowSchema = z.strictObject({
  agent: z.string().min(1).max(128).meta({ description: 'Name or id of an agent that the person owns.' }),
  role: z.string().min(1).max(128).optional().meta({ description: 'Narrows it to one of the roles of the agent.' }),
});

interface Ends {
  readonly log: ActionLog;
  readonly pepper: Parameters<typeof artifactHash>[0];
}

/**
 * Id of the consent. Throws `agent_not_found`, `agent_not_owned`, `agent_suspended`, `agent_revoked`, `agent_expired`,
 * `role_not_worn`, `credentials_too_many`, `browser_sign_in_off`, `client_not_admitted`, `sign_in_required`,
 * `connection_request_answered`.
 */
export function allow(
  { log, pepper }: Ends,
  who: Asker,
  question: Question,
  { agent: name, role }: z.output<typeof allowSchema>,
): Promise<string> {
  const { workspaceId, actor, person } = who;
  return log.transact(workspaceId, async (transaction) => {
    const { client, now } = transaction;
    await checkStillThere(client, who);
    const problem = await ownSignInProblem(client, who);
    if (problem !== undefined) throw problem;
    await checkLetIn(client, workspaceId, question.clientId);
    const agent = await readAgent(client, workspaceId, name);
    if (agent.ownerId !== person.id) throw notOwned(agent.name);
    refuseStopped(agent);
    refuseRole(agent, role);
    await refuseMany(transaction, workspaceId, agent);
    await take(transaction, pepper, question);
    const id = newId('cns');
    const { clientId, clientName, redirectUri, wanted } = question;
    await client.query(
      `INSERT INTO oauth_consents (workspace_id, id, agent_id, person_id, actor, client_id, client_name, resource, entrances, role,
              authz_epoch, decided_at, expires_at)
       SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, s.authz_epoch, $11::timestamptz, $11::timestamptz + make_interval(secs => $12)
         FROM agent_state s WHERE s.workspace_id = $1 AND s.agent_id = $3`,
      [
        ...[workspaceId, id, agent.id, person.id, actor, clientId, clientName, wanted.resource, wanted.entrances],
        ...[role ?? null, now, INTERACTION_SECONDS],
      ],
    );
    transaction.log({
      kind: 'connection.allowed',
      actor,
      agent: agent.name,
      agent_id: agent.id,
      owner: agent.owner,
      consent_id: id,
      client_id: clientId,
      client: clientName,
      redirect_uri: redirectUri,
      resource: wanted.resource,
      scope: wanted.entrances.join(' '),
      role,
    });
    return id;
  });
}

/** Throws `connection_request_answered`. */
export function refuse(
  { log, pepper }: Ends,
  { workspaceId, actor }: Administrator,
  question: Question,
): Promise<void> {
  return log.transact(workspaceId, async (transaction) => {
    await take(transaction, pepper, question);
    transaction.log({
      kind: 'connection.refused',
      actor,
      client_id: question.clientId,
      client: question.clientName,
      redirect_uri: question.redirectUri,
      resource: question.wanted.resource,
    });
  });
}

/** It is answered once. */
async function take({ client }: LoggedTransaction, pepper: Ends['pepper'], { id }: Question): Promise<void> {
  const { rowCount } = await client.query(
    `UPDATE oauth_artifacts SET consumed_at = clock_timestamp()
      WHERE model = 'Interaction' AND id_hash = $1 AND consumed_at IS NULL AND expires_at > clock_timestamp()`,
    [artifactHash(pepper, 'Interaction', id)],
  );
  if (rowCount === 1) return;
  throw new Failure(
    409,
    'connection_request_answered',
    'The request of the client was answered already, or has taken too long.',
    'Begin again at the client.',
  );
}

function notOwned(agent: string): Failure {
  return new Failure(
    403,
    'agent_not_owned',
    `The agent "${agent}" is not yours.`,
    'Its owner connects it; or choose an agent that you own.',
  );
}
