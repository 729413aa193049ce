/** What sign-in reads of a person. */
import type { ClientBase } from 'pg';
import type { Failure } from '../errors.ts';
import type { PersonId } from '../ids.ts';
import type { PendingSignIn } from './pending.ts';
import { sessionOver } from './refusals.ts';
import type { VerifiedSignIn } from './verified.ts';

export interface Person {
  readonly id: PersonId;
  readonly email: string;
  readonly active: boolean;
  readonly breakGlass: boolean;
  /** Of an audit firm. */
  readonly external: boolean;
  readonly groups: readonly string[];
  readonly directory: string | null;
}

/** SQL. $1: workspace. */
export const PERSON = `SELECT id, email, active, break_glass AS "breakGlass", external, groups, directory FROM people WHERE workspace_id = $1 AND deleted_at IS NULL`;

export async function readPersonOf(client: ClientBase, { provider }: VerifiedSignIn, id: PersonId): Promise<Person> {
  const { rows } = await client.query<Person>(`${PERSON} AND id = $2`, [provider.workspaceId, id]);
  if (rows[0] === undefined)
    return { id, email: '', active: false, breakGlass: false, external: false, groups: [], directory: null };
  return rows[0];
}

/** The session that began it is still there, and of whom. */
export async function personOfSession(
  client: ClientBase,
  { workspaceId, sessionId }: PendingSignIn,
): Promise<Pick<Person, 'id' | 'email' | 'breakGlass' | 'external'> | Failure> {
  const { rows } = await client.query<Pick<Person, 'id' | 'email' | 'breakGlass' | 'external'>>(
    `SELECT p.id, p.email, p.break_glass AS "breakGlass", p.external FROM console_sessions s JOIN people p ON p.workspace_id = s.workspace_id AND p.id = s.person_id
      WHERE s.workspace_id = $1 AND s.id = $2 AND p.active AND s.expires_at > clock_timestamp() AND s.idle_at > clock_timestamp()`,
    [workspaceId, sessionId],
  );
  return rows[0] ?? sessionOver();
}
