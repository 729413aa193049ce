import { z } from 'zod';
import type { Api, ApiContext } from '../api/route.ts';
import { type Answer, ASKED, answerSchema, QUESTIONS, type Question } from './answer.ts';
import { answerTo } from './answers.ts';

const tags = ['answers'];
const instant = z.iso.datetime({ offset: true }).transform((text) => new Date(text));

export function answerRoutes(api: Api, context: ApiContext): void {
  api.get(
    '/v1/agents/:agent/answers/:question',
    {
      schema: {
        tags,
        summary: 'Answer one of the four questions of an auditor about an agent',
        description: `${QUESTIONS.map((question) => `${question}: ${ASKED[question]}`).join(' ')} Every claim names the record of the log that says so, or what it was computed from; one that nobody has recorded is there too, marked as missing.`,
        params: z.object({ agent: z.string().max(254), question: z.enum(QUESTIONS) }),
        querystring: z.strictObject({
          at: instant
            .optional()
            .meta({ description: 'Of authority: the instant it is about; now, where nothing is said.' }),
          from: instant.optional(),
          to: instant
            .optional()
            .meta({ description: 'Of activity and revocation: half-open; the last 90 days where nothing is said.' }),
        }),
        response: { 200: answerSchema },
      },
    },
    async ({ administrator, params: { agent, question }, query }): Promise<Answer> => {
      await context.reads.note(administrator, 'answer', { agent, question });
      return answerTo(context, administrator.workspaceId, question satisfies Question, agent, query);
    },
  );
}
