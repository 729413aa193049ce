/** The four questions, each with what answers it. */
import type { ApiContext } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import { activityAnswer } from './activity.ts';
import type { Answer, Question } from './answer.ts';
import { authorityAnswer } from './authority.ts';
import { blastRadiusAnswer } from './blast-radius.ts';
import { revocationAnswer } from './revocation.ts';

const DAYS_90_MS = 90 * 86_400_000;

export type AnswerContext = Pick<ApiContext, 'pool' | 'worlds' | 'clock'>;

export interface When {
  readonly at?: Date | undefined;
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
}

/** Throws `agent_not_found`, `at_in_future`, `period_invalid`. */
export function answerTo(
  context: AnswerContext,
  workspaceId: WorkspaceId,
  question: Question,
  agent: string,
  { at, from, to }: When,
): Promise<Answer> {
  const { pool, clock } = context;
  const nowMs = clock();
  switch (question) {
    case 'authority':
      return authorityAnswer(pool, workspaceId, agent, at);
    case 'blast_radius':
      return blastRadiusAnswer(context, workspaceId, agent);
    case 'activity':
      return activityAnswer(pool, workspaceId, agent, { ...(from && { from }), ...(to && { to }) }, nowMs);
    case 'revocation': {
      const end = to ?? new Date(nowMs);
      const begin = from ?? new Date(end.getTime() - DAYS_90_MS);
      if (begin >= end) throw new Failure(400, 'period_invalid', 'The time ends before it begins.', 'Set from and to.');
      return revocationAnswer(pool, workspaceId, agent, { from: begin, to: end }, nowMs);
    }
  }
}
