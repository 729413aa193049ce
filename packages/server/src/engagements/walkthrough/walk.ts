/** Presses a button of the walkthrough, and keeps what it showed. */
import { z } from 'zod';
import type { Administrator, ApiContext } from '../../api/route.ts';
import { Failure } from '../../errors.ts';
import { openEngagementOf, refuseCustomer } from '../engagement.ts';
import { keepRun } from '../runs.ts';
import { boundary } from './boundary.ts';
import { checkpoint } from './checkpoint.ts';
import { deniedCall } from './denied-call.ts';
import { kill } from './kill.ts';
import { population } from './population.ts';
import { replay } from './replay.ts';
import type { StepId } from './script.ts';
import { SCRIPT, STEP_IDS } from './script.ts';
import type { Button, Shown } from './step.ts';
import { tamper } from './tamper.ts';

const BUTTONS: Readonly<Record<StepId, Button>> = {
  boundary,
  denied_call: deniedCall,
  replay,
  kill,
  population,
  tamper,
  checkpoint,
};

export const pressSchema = z
  .strictObject({
    agent: z.string().trim().min(1).max(128).optional().meta({ description: 'Handle or id.' }),
    entry: z.string().trim().min(1).max(64).optional().meta({ description: 'Event id of a call of the period.' }),
    report: z.string().trim().min(1).max(64).optional(),
  })
  .prefault({});

const stepSchema = z.object({
  id: z.enum(STEP_IDS),
  title: z.string(),
  see: z.string(),
  proves: z.string(),
  limits: z.string(),
  button: z.string().nullable(),
  asks: z.array(z.enum(['agent', 'entry', 'report'])),
});

export const scriptSchema = z
  .object({ object: z.literal('walkthrough'), steps: z.array(stepSchema) })
  .meta({ id: 'Walkthrough' });

export function script(): z.output<typeof scriptSchema> {
  return { object: 'walkthrough', steps: SCRIPT.map((step) => ({ ...step, asks: [...step.asks] })) };
}

/** What is shown stays as it was. Throws `engagement_not_found`, `engagement_over`, `auditor_required`, and what the button throws. */
export async function walk(
  context: ApiContext,
  who: Administrator,
  engagementId: string,
  step: StepId,
  input: z.output<typeof pressSchema>,
): Promise<Shown & { readonly id: string; readonly at: number }> {
  refuseCustomer(who, engagementId);
  const { from, to } = await openEngagementOf(context.pool, who.workspaceId, engagementId);
  const { workspaceId, actor } = who;
  const shown = await BUTTONS[step](context, { workspaceId, actor, from, to, ...input }).catch((error: unknown) => {
    // What broke is shown too, and kept: a button that fails without a trace proves nothing.
    if (!(error instanceof Failure) || error.status < 500) throw error;
    return { shown: false, said: error.message, facts: { code: error.code } };
  });
  const run = await context.log.transact(workspaceId, (transaction) =>
    keepRun(transaction, who, engagementId, {
      kind: 'walkthrough',
      step,
      input,
      result: { said: shown.said, facts: shown.facts },
      shown: shown.shown,
      record: { kind: 'engagement.walked', step, said: shown.said },
    }),
  );
  return { ...shown, ...run };
}
