/** What waits for people while one of them leaves. */
import type { PersonId, WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { type Cancellation, cancelEach } from './cancel.ts';
import { type Candidate, type Decided, groupsOf, type Question, standingBarOf, type Voice } from './eligibility.ts';
import { type AskedAbout, peopleOf, peopleWithCredentials, questionsOf } from './question.ts';
import { isComplete } from './quorum.ts';
import { decidedOf, decisionsOf } from './rows.ts';

/** No workspace has more people who decide; whoever is beyond it is not looked at. */
const MAX_PEOPLE = 10_000;

export interface Electorate {
  /** Who could decide at all. */
  readonly able: readonly Candidate[];
  /** Who can only be decided for. */
  readonly others: readonly Candidate[];
}

/** Why the question cannot be answered once the person is gone; undefined when it still can, or could not before. Pure. */
export function stuckWithout(
  leaver: PersonId,
  question: Question,
  decided: readonly Decided[],
  electorate: Electorate,
): 'approved_by_leaver' | 'nobody_left' | undefined {
  if (decided.some(({ id, onBehalfOf }) => id === leaver || onBehalfOf === leaver)) return 'approved_by_leaver';
  const voices = voicesOf(electorate, question, decided);
  if (!isEnough(question, decided, voices)) return undefined;
  const left = voices.filter(({ by, onBehalfOf }) => by.id !== leaver && onBehalfOf?.id !== leaver);
  return isEnough(question, decided, left) ? undefined : 'nobody_left';
}

/** All that could be heard yet. */
function voicesOf({ able, others }: Electorate, question: Question, decided: readonly Decided[]): readonly Voice[] {
  const heard = new Set(decided.flatMap(({ id, onBehalfOf }) => (onBehalfOf === undefined ? [id] : [id, onBehalfOf])));
  const known = new Map([...others, ...able].map((person) => [person.id, person]));
  return able
    .flatMap((by): Voice[] => [
      { by },
      ...question.delegations.flatMap(({ from, to }) => {
        const onBehalfOf = to === by.id ? known.get(from) : undefined;
        return onBehalfOf === undefined ? [] : [{ by, onBehalfOf }];
      }),
    ])
    .filter(
      (voice) =>
        !heard.has(voice.by.id) &&
        !heard.has((voice.onBehalfOf ?? voice.by).id) &&
        standingBarOf(voice, question) === undefined,
    );
}

/** That two of the voices may be those of one person is let pass: what might be decided is not called off. */
function isEnough({ quorum }: Question, decided: readonly Decided[], voices: readonly Voice[]): boolean {
  return isComplete(quorum, [...decided, ...voices.map((voice) => ({ groups: groupsOf(voice) }))]);
}

/**
 * Calls off what waits and cannot be decided any more without the person: what the person has approved, which would not
 * count at the release, and what nobody else can approve. Belongs before the changes of the transaction in which the
 * person leaves, while their keys and delegations are still there. Returns how many.
 */
export async function cancelWithout(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  leaver: { readonly id: PersonId; readonly email: string },
  { actor }: Pick<Cancellation, 'actor'>,
): Promise<number> {
  const { client } = transaction;
  const { rows } = await client.query<AskedAbout>(
    `SELECT id, people, groups, capability, impact FROM approvals
      WHERE workspace_id = $1 AND status = 'pending' AND expires_at > clock_timestamp() ORDER BY id`,
    [workspaceId],
  );
  if (rows.length === 0) return 0;
  const ids = rows.map(({ id }) => id);
  const decisions = Map.groupBy(await decisionsOf(client, workspaceId, ids), ({ approval_id }) => approval_id);
  const questions = await questionsOf(client, workspaceId, rows);
  const delegators = questions.flatMap(({ delegations }) => delegations.map(({ from }) => from));
  const electorate = {
    able: await peopleWithCredentials(client, workspaceId, MAX_PEOPLE),
    others: [...(await peopleOf(client, workspaceId, [...new Set(delegators)])).values()],
  };
  const stuck = Map.groupBy(questions, (question) =>
    stuckWithout(leaver.id, question, (decisions.get(question.approvalId) ?? []).map(decidedOf), electorate),
  );
  const cancel = (why: 'approved_by_leaver' | 'nobody_left', reason: string): Promise<number> => {
    const which = (stuck.get(why) ?? []).map(({ approvalId }) => approvalId);
    return cancelEach(transaction, workspaceId, which, { actor, reason });
  };
  return (
    (await cancel('approved_by_leaver', `${leaver.email}, who approved it, has left`)) +
    (await cancel('nobody_left', `${leaver.email} has left, and nobody else could approve it`))
  );
}
