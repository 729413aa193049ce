import { type AnswerView, answerDocument } from '@hivekey/evidence';
import { z } from 'zod';
import type { Api, ApiContext } from '../api/route.ts';
import { inSnapshot, pdfOf } from '../evidence/index.ts';
import { type Answer, ASKED, answerSchema, QUESTIONS } from './answer.ts';
import { answerTo } from './answers.ts';

const tags = ['answers'];
const instant = z.iso.datetime({ offset: true }).transform((text) => new Date(text));
const params = z.object({ agent: z.string().max(254), question: z.enum(QUESTIONS) });
const when = {
  at: instant.optional().meta({ description: 'Of authority: the instant it is about; now, where nothing is said.' }),
  from: instant.optional(),
  to: instant.optional().meta({
    description: 'Of activity and revocation: half-open; the last 90 days where nothing is said.',
  }),
};

export function answerRoutes(api: Api, context: ApiContext): void {
  const { reads } = context;

  api.get(
    '/v1/agents/:agent/answers/:question',
    {
      schema: {
        tags,
        summary: 'Answer one of the four questions of an auditor about an agent',
        description: `${QUESTIONS.map((question) => `${question}: ${ASKED[question]}`).join(' ')} Every claim names the record of the log that says so, or what it was computed from; one that nobody has recorded is there too, marked as missing.`,
        params,
        querystring: z.strictObject(when),
        response: { 200: answerSchema },
      },
    },
    async ({ administrator, params: { agent, question }, query }): Promise<Answer> => {
      await reads.note(administrator, 'answer', { agent, question });
      return answerTo(context, administrator.workspaceId, question, agent, query);
    },
  );

  api.get(
    '/v1/agents/:agent/answers/:question/pdf',
    {
      schema: {
        tags,
        summary: 'The same answer on paper',
        params,
        querystring: z.strictObject(when),
        response: { 200: { description: 'PDF.', content: { 'application/pdf': { schema: z.unknown() } } } },
      },
    },
    async ({ administrator, params: { agent, question }, query }, reply) => {
      await reads.note(administrator, 'answer', { agent, question });
      const answer = await answerTo(context, administrator.workspaceId, question, agent, query);
      const { workspace, isSampleData } = await inSnapshot(
        context,
        administrator.workspaceId,
        async (snapshot) => snapshot,
      );
      const frame = {
        tenant: workspace.name,
        environment: workspace.environment,
        period: answer.period,
        asOf: answer.as_of,
        generatedAt: new Date(context.clock()).toISOString(),
        csvSha256: null,
        isSample: isSampleData,
      };
      reply.header('content-disposition', `attachment; filename="${question}-${answer.agent}.pdf"`);
      return reply
        .type('application/pdf')
        .send(Buffer.from(await pdfOf(answerDocument(frame, answer satisfies AnswerView))));
    },
  );
}
