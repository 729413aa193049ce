import { Failure } from '../../errors.ts';
import { decideAgain } from '../reperform.ts';
import type { Button } from './step.ts';

/** Throws `entry_required`. */
export const replay: Button = async (context, { workspaceId, from, to, entry }) => {
  if (entry === undefined)
    throw new Failure(422, 'entry_required', 'This step is about an entry.', 'Name the event id of a call in `entry`.');
  const scope = { fromMs: from.getTime(), toMs: to.getTime() };
  const { result, detail, recorded, again, ...head } = await decideAgain(context, workspaceId, scope, new Map(), entry);
  const said = {
    match: `Decided again it is ${again?.verdict}, by the same rule: ${again?.reason}`,
    differs: `It does not come out as recorded: ${detail}.`,
    not_repeatable: `The entry alone does not repeat the decision: ${detail}.`,
    not_found: `There is no such entry: ${detail}.`,
  }[result];
  return { shown: result === 'match', said, facts: { result, detail, ...head, recorded, again } };
};
