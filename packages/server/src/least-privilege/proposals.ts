/** The proposals of a workspace, in pages, and a change made of them. */
import type { JsonValue } from '@hivekey/policy';
import type { Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { ControlledTypes } from '../versions/index.ts';
import { readDismissals } from './dismissals.ts';
import type { Proposal } from './judged.ts';
import { type Documents, type Operation, operationOf, type ProposalView, proposalView } from './proposal.ts';
import { propose } from './propose.ts';
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
  const documents = await documentsOf(readers, workspaceId, proposals);
  return proposals.map((proposal) =>
    proposalView(proposal, operationOf(proposal.object, documents, [proposal]), dismissals.get(proposal.id)),
  );
}

/** One operation for each object, with all that is proposed for it. */
export async function operationsOf(
  readers: ProposalReaders,
  workspaceId: WorkspaceId,
  proposals: readonly Proposal[],
): Promise<Operation[]> {
  const documents = await documentsOf(readers, workspaceId, proposals);
  return [...Map.groupBy(proposals, ({ object: { type, id } }) => `${type} ${id}`).values()].flatMap((of) => {
    const [first] = of;
    const operation = first && operationOf(first.object, documents, of);
    return operation === undefined ? [] : [operation];
  });
}

/** Of each type that is proposed about, all there are: one statement each. */
async function documentsOf(
  { pool, controlled }: ProposalReaders,
  workspaceId: WorkspaceId,
  proposals: readonly Proposal[],
): Promise<Documents> {
  const documents = new Map<Proposal['object']['type'], ReadonlyMap<string, JsonValue>>();
  for (const type of new Set(proposals.map(({ object }) => object.type)))
    documents.set(type, (await controlled.get(type)?.list(pool, workspaceId)) ?? new Map());
  return documents;
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
