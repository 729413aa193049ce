/** Proposals as the API shows them. */

import type { JsonValue } from '@hivekey/policy';
import { z } from 'zod';
import { contentHash } from '../versions/index.ts';
import { PROPOSAL_KINDS, type Proposal } from './judged.ts';

const at = z.string().meta({ description: 'ISO 8601, UTC.' });

const operationSchema = z
  .object({
    type: z.enum(['role', 'workspace_guards', 'assignment']),
    id: z.string(),
    document: z
      .unknown()
      .meta({ description: 'What is proposed in place of what is there. Null: that it be removed.' }),
    base: z.string().nullable().meta({ description: 'Content hash of what is there.' }),
  })
  .meta({ id: 'LeastPrivilegeOperation' });

export const proposalSchema = z
  .object({
    id: z.string().meta({ description: 'The same as long as it is about the same thing.' }),
    object: z.literal('least_privilege_proposal'),
    kind: z.enum(PROPOSAL_KINDS),
    subject: z.object({
      type: z.enum(['role', 'workspace_guards', 'assignment']),
      id: z.string(),
      agent: z.string().nullable().meta({ description: 'Handle, of an assignment.' }),
    }),
    sentence: z.string(),
    evidence: z.object({
      from: at,
      to: at,
      calls: z.int().meta({ description: 'That were allowed or held.' }),
      refused: z.int().meta({ description: 'That a guard refused.' }),
      largest_use: z.int().nullable().meta({ description: 'The most that any window of the limit held.' }),
      cap: z.int().nullable(),
      unit: z.string().nullable(),
      window_seconds: z.int().nullable(),
      last_used_at: z.int().nullable().meta({ description: 'As far back as use is kept: 400 days.' }),
      query: z.string().meta({ description: 'The route that shows the calls.' }),
    }),
    operations: z.array(operationSchema).meta({ description: 'Empty where it is only said.' }),
    dismissed: z.object({ actor: z.string(), reason: z.string(), at: z.int(), until: z.int() }).nullable(),
  })
  .meta({ id: 'LeastPrivilegeProposal' });

export type ProposalView = z.output<typeof proposalSchema>;

export interface Operation {
  readonly type: Proposal['object']['type'];
  readonly id: string;
  readonly document: JsonValue | null;
  readonly base: string | null;
}

/** Type → id → document. */
export type Documents = ReadonlyMap<Operation['type'], ReadonlyMap<string, JsonValue>>;

/** What the proposals ask for of one object, taken together; undefined where nothing comes of it. */
export function operationOf(
  { type, id }: Proposal['object'],
  documents: Documents,
  proposals: readonly Proposal[],
): Operation | undefined {
  const current = documents.get(type)?.get(id);
  if (current === undefined) return undefined;
  let document: JsonValue | null = current;
  for (const { edit } of proposals) if (edit !== undefined && document !== null) document = edit(document);
  const base = contentHash(current);
  if (document !== null && contentHash(document) === base) return undefined;
  return { type, id, document, base };
}

export interface Dismissal {
  readonly proposal: string;
  readonly actor: string;
  readonly reason: string;
  readonly at: number;
  readonly until: number;
}

export function proposalView(
  { id, kind, object, agent, sentence, evidence }: Proposal,
  operation: Operation | undefined,
  dismissal: Dismissal | undefined,
): ProposalView {
  const { fromMs, toMs, calls, refused, largestUse, cap, unit, windowSeconds, lastUsedAtMs, query } = evidence;
  return {
    id,
    object: 'least_privilege_proposal',
    kind,
    subject: { ...object, agent: agent ?? null },
    sentence,
    evidence: {
      from: new Date(fromMs).toISOString(),
      to: new Date(toMs).toISOString(),
      calls,
      refused,
      largest_use: largestUse ?? null,
      cap: cap ?? null,
      unit: unit ?? null,
      window_seconds: windowSeconds ?? null,
      last_used_at: lastUsedAtMs === undefined ? null : Math.floor(lastUsedAtMs / 1000),
      query,
    },
    operations: operation === undefined ? [] : [operation],
    dismissed:
      dismissal === undefined
        ? null
        : { actor: dismissal.actor, reason: dismissal.reason, at: dismissal.at, until: dismissal.until },
  };
}
