/** Reads of the answers to an auditor's four questions. */
import type { Answer, AnswerQuestion } from '@hivekey/sdk';
import { queryOptions } from '@tanstack/react-query';
import { at, get } from './client.ts';

export const answerQuery = (
  agent: string,
  question: AnswerQuestion,
  when: { readonly at?: string | undefined; readonly from?: string | undefined; readonly to?: string | undefined },
) =>
  queryOptions({
    queryKey: ['answers', agent, question, when],
    queryFn: ({ signal }) => get<Answer>(at`/v1/agents/${agent}/answers/${question}`, when, signal),
    staleTime: 30_000,
    retry: false,
  });
