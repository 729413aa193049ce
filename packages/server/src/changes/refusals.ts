/** Whatever somebody may not do with a change is on the log before they are told. */
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { ChangesContext } from './context.ts';
import { changeFields, findChange } from './rows.ts';

export type Attempt = 'edit' | 'submit' | 'approve' | 'reject' | 'activate' | 'withdraw' | 'rollback';

/** Whoever tries; a node itself has no credential. */
type Trying = Pick<Administrator, 'workspaceId' | 'actor' | 'person'> & {
  readonly credentialId?: Administrator['credentialId'];
};

/** `attempt` gives its refusal as a value where something else of it has to be kept. Throws it either way. */
export async function recordingRefusals<T>(
  context: Pick<ChangesContext, 'pool' | 'log'>,
  who: Trying,
  idOrName: string,
  what: Attempt,
  attempt: () => Promise<T | Failure>,
): Promise<T> {
  try {
    const done = await attempt();
    if (done instanceof Failure) throw done;
    return done;
  } catch (error) {
    if (error instanceof Failure && error.code !== 'change_not_found')
      await record(context, who, idOrName, what, error);
    throw error;
  }
}

async function record(
  { pool, log }: Pick<ChangesContext, 'pool' | 'log'>,
  { workspaceId, actor, person, credentialId }: Trying,
  idOrName: string,
  attempt: Attempt,
  { code }: Failure,
): Promise<void> {
  const row = await findChange(pool, workspaceId, idOrName);
  await log.record(workspaceId, {
    kind: 'change.refused',
    actor,
    person: person?.email,
    key_id: credentialId,
    ...changeFields(row),
    status: row.status,
    attempt,
    code,
  });
}
