/** The rules by which reviews are held. Each change is another version; a campaign keeps those it was launched under. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import { capabilityPatternSchema } from '../capabilities/index.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import { changesOf, type LoggedTransaction } from '../log/index.ts';
import { groupSchema } from '../people/index.ts';
import { ITEM_TYPES } from './kinds.ts';

const days = (most: number) => z.int().min(1).max(most);
/** As people are stored. A check alone, so that the answer has the same schema. */
const person = z
  .string()
  .trim()
  .toLowerCase()
  .max(254)
  .regex(/^[^\s@]+@[^\s@]+$/, 'is not an e-mail address');
const MAX_RULES = 500;

export const policyDocument = z.strictObject({
  text: z
    .string()
    .trim()
    .min(1)
    .max(20_000)
    .meta({ description: 'The policy in words, as reviewers and auditors read it.' }),
  owner: person.nullable().meta({ description: 'Who answers for reviews. Without one, none is held by itself.' }),
  superior: person
    .nullable()
    .meta({ description: "Who reviews what nobody else may. Null: the owner's manager, as the directory has it." }),
  cycle: z.enum(['monthly', 'quarterly', 'half_yearly', 'yearly']).nullable(),
  launch_days_before_end: z.int().min(0).max(90).meta({ description: 'Days before the end of the cycle, UTC.' }),
  due_days: days(90).meta({ description: 'Days from the launch by which everything is decided.' }),
  types: z
    .array(z.enum(ITEM_TYPES))
    .min(1)
    .refine((types) => new Set(types).size === types.length, 'names one twice')
    .meta({ description: 'What scheduled reviews are about.' }),
  events: z
    .strictObject({
      owner_moved: z.boolean(),
      role_widened: z.boolean(),
      blast_radius_up: z.boolean().meta({ description: 'More than 50 % above what was reviewed last.' }),
      unused: z.boolean().meta({ description: 'Nothing was done under a role for 90 days.' }),
      due_days: days(90),
    })
    .meta({ description: 'What starts a review of just that.' }),
  remediation_days: z
    .strictObject({ normal: days(60), privileged: days(60) })
    .meta({ description: 'Business days, Monday to Friday UTC, from submission until the change has taken effect.' }),
  silence: z
    .enum(['suspend', 'revoke', 'incomplete'])
    .meta({ description: 'What a missed deadline means. It never means keep.' }),
  bulk_cap: z.int().min(0).max(200).meta({ description: 'Items of the low tier that are decided together. 0: none.' }),
  recheck_share: z.number().min(0).max(1).meta({ description: 'Share of kept items that a second person looks at.' }),
  reviewers: z
    .strictObject({
      managers: z
        .array(
          z.strictObject({
            of: z.union([
              z.strictObject({ person }),
              z.strictObject({ group: groupSchema }),
              z.strictObject({ team: z.string().trim().min(1).max(100) }),
            ]),
            reviewer: person,
          }),
        )
        .max(MAX_RULES)
        .meta({ description: 'In place of the manager whom the directory names: by owner, group, or team label.' }),
      role_owners: z.array(z.strictObject({ role: z.string().min(1).max(128), reviewer: person })).max(MAX_RULES),
      data_owners: z
        .array(z.strictObject({ capabilities: capabilityPatternSchema, reviewer: person }))
        .max(MAX_RULES)
        .meta({ description: 'Who also reviews what is privileged and grants one of these.' }),
      fallbacks: z.array(person).max(50).meta({ description: 'In this order, where nobody above may.' }),
    })
    .meta({ description: 'The reviewer map.' }),
});

export type ReviewPolicy = z.output<typeof policyDocument>;
export const policyChange = policyDocument.partial();

const DEFAULT_POLICY: ReviewPolicy = {
  text: 'Access of agents is reviewed each quarter by people who can judge its use and have no part in it. What is not decided by the due date is suspended.',
  owner: null,
  superior: null,
  cycle: 'quarterly',
  launch_days_before_end: 30,
  due_days: 11,
  types: [...ITEM_TYPES],
  events: { owner_moved: true, role_widened: true, blast_radius_up: true, unused: true, due_days: 14 },
  remediation_days: { normal: 7, privileged: 3 },
  silence: 'suspend',
  bulk_cap: 25,
  recheck_share: 0.1,
  reviewers: { managers: [], role_owners: [], data_owners: [], fallbacks: [] },
};

export const policySchema = z
  .object({
    object: z.literal('review_policy'),
    version: z.int().meta({ description: '0: nobody has set it.' }),
    ...policyDocument.shape,
    author: z.string().nullable(),
    created_at: z.int().nullable(),
  })
  .meta({ id: 'ReviewPolicy' });
export type PolicyView = z.output<typeof policySchema>;

export interface PolicyVersion {
  readonly version: number;
  readonly policy: ReviewPolicy;
  readonly author: string | null;
  readonly at: Date | null;
}

interface Row {
  version: number;
  document: unknown;
  author: string;
  created_at: Date;
}

/** The one in force. */
export async function readPolicy(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<PolicyVersion> {
  const [newest] = await policyVersions(client, workspaceId, 1);
  return newest ?? { version: 0, policy: DEFAULT_POLICY, author: null, at: null };
}

/** Newest first. */
export async function policyVersions(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  limit: number,
): Promise<readonly PolicyVersion[]> {
  const { rows } = await client.query<Row>(
    `SELECT version, document, author, created_at FROM review_policies WHERE workspace_id = $1 ORDER BY version DESC LIMIT $2`,
    [workspaceId, limit],
  );
  return rows.map(({ version, document, author, created_at: at }) => ({
    version,
    policy: policyDocument.parse(document),
    author,
    at,
  }));
}

export function policyView({ version, policy, author, at }: PolicyVersion): PolicyView {
  return {
    object: 'review_policy',
    version,
    ...policy,
    author,
    created_at: at === null ? null : Math.floor(at.getTime() / 1000),
  };
}

/** What is absent stays. Throws `review_policy_unchanged`, `person_not_found`. */
export async function changePolicy(
  transaction: LoggedTransaction,
  { workspaceId, actor, person: by }: Administrator,
  change: z.output<typeof policyChange>,
  reason: string,
): Promise<PolicyVersion> {
  const { client, now } = transaction;
  const before = await readPolicy(client, workspaceId);
  const after = policyDocument.parse({ ...before.policy, ...change });
  const changes = changesOf(before.policy, after);
  if (before.version > 0 && Object.keys(changes).length === 0)
    throw new Failure(409, 'review_policy_unchanged', 'This is what is in force.', 'Change something of it.');
  await refuseStrangers(transaction, workspaceId, after);
  const version = before.version + 1;
  const { reviewers: _map, ...withoutMap } = after;
  const eventId = transaction.log({
    kind: 'review.policy',
    actor,
    person: by?.email,
    version,
    reason,
    changed: Object.keys(changes),
    policy: { ...withoutMap, reviewers_count: countRules(after) },
  });
  await client.query(
    `INSERT INTO review_policies (workspace_id, version, document, reason, author, created_at, event_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [workspaceId, version, JSON.stringify(after), reason, actor, now, eventId],
  );
  return readPolicy(client, workspaceId);
}

/** The map itself may be longer than a record; its version has it. */
function countRules({
  reviewers: { managers, role_owners: roles, data_owners: data, fallbacks },
}: ReviewPolicy): number {
  return managers.length + roles.length + data.length + fallbacks.length;
}

async function refuseStrangers(
  { client }: LoggedTransaction,
  workspaceId: WorkspaceId,
  { owner, superior, reviewers }: ReviewPolicy,
): Promise<void> {
  const named = [
    owner,
    superior,
    ...reviewers.managers.flatMap(({ of, reviewer }) => ('person' in of ? [of.person, reviewer] : [reviewer])),
    ...reviewers.role_owners.map(({ reviewer }) => reviewer),
    ...reviewers.data_owners.map(({ reviewer }) => reviewer),
    ...reviewers.fallbacks,
  ].filter((each) => each !== null);
  const { rows } = await client.query<{ email: string }>(
    `SELECT n.email FROM unnest($2::text[]) AS n (email)
      WHERE NOT EXISTS (SELECT FROM people p WHERE p.workspace_id = $1 AND p.email = n.email AND p.deleted_at IS NULL) LIMIT 1`,
    [workspaceId, named],
  );
  const [stranger] = rows;
  if (stranger === undefined) return;
  throw new Failure(404, 'person_not_found', `Nobody here is ${stranger.email}.`, 'List people with GET /v1/people.');
}
