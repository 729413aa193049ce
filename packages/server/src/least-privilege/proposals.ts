/** The proposals of a workspace, in pages, and a change made of them. */
import type { Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { ControlledTypes } from '../versions/index.ts';
import { readDismissals } from './dismissals.ts';
import { type Operation, operationOf, type ProposalView, proposalView } from './proposal.ts';
import { type Proposal, propose } from './propose.ts';
import { type Period, readBasis } from './read.ts';
import { countUse, type UseKnown } from './use.ts';

export interface ProposalReaders {
  readonly pool: Pool;
  readonly controlled: ControlledTypes;
}

/** Records that are counted before proposals are shown; the rest is counted as time goes on. */
const STEPS_BEFORE = 4;

export interface Proposed {
  readonly known: UseKnown;
  /** Undefined: the log does not cover the period. */
  readonly proposals: readonly Proposal[] | undefined;
  /** Whether what limits held is known for all of it. */
  readonly hasLimits: boolean;
}

export async function proposalsOf(
  { pool }: ProposalReaders,
  workspaceId: WorkspaceId,
  period: Period,
): Promise<Proposed> {
  for (let step = 0; step < STEPS_BEFORE; step += 1) if (!(await countUse(pool, workspaceId))) break;
  const { known, basis } = await readBasis(pool, workspaceId, period);
  return {
    known,
    proposals: basis === undefined ? undefined : propose(basis),
    hasLimits: basis?.peaks !== undefined,
  };
}

/** With what each asks for, of the documents as they are now. */
export async function viewsOf(
  readers: ProposalReaders,
  workspaceId: WorkspaceId,
  proposals: readonly Proposal[],
): Promise<ProposalView[]> {
  const dismissals = await readDismissals(readers.pool, workspaceId);
  const views: ProposalView[] = [];
  for (const proposal of proposals) {
    const operations = await operationsOf(readers, workspaceId, [proposal]);
    views.push(proposalView(proposal, operations[0], dismissals.get(proposal.id)));
  }
  return views;
}

/** One operation for each object, with all that is proposed for it. */
export async function operationsOf(
  { pool, controlled }: ProposalReaders,
  workspaceId: WorkspaceId,
  proposals: readonly Proposal[],
): Promise<Operation[]> {
  const operations: Operation[] = [];
  for (const of of Map.groupBy(proposals, ({ object: { type, id } }) => `${type} ${id}`).values()) {
    const [first] = of;
    if (first === undefined || of.every(({ edit }) => edit === undefined)) continue;
    const current = await controlled.get(first.object.type)?.read(pool, workspaceId, first.object.id);
    const operation = operationOf(first.object, current, of);
    if (operation !== undefined) operations.push(operation);
  }
  return operations;
}

/** Those with these ids. Throws `proposal_not_found`, also for one that nothing can be done about. */
export function chosen(proposals: readonly Proposal[], ids: readonly string[]): Proposal[] {
  return ids.map((id) => {
    const found = proposals.find((proposal) => proposal.id === id);
    if (found !== undefined) return found;
    throw new Failure(
      404,
      'proposal_not_found',
      `There is no proposal "${id}" for this time.`,
      'List them with GET /v1/least-privilege/proposals and the same days.',
    );
  });
}
