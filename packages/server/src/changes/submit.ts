/** Submitting: the checks, the preview that reviewers will see, and nothing of it changes any more. */
import { type JsonValue, policyDiff } from '@hivekey/policy';
import type { ClientBase } from 'pg';
import type { Administrator } from '../api/route.ts';
import { asksForTwo, storedSettings } from '../containment/index.ts';
import { Failure } from '../errors.ts';
import type { LoggedTransaction } from '../log/index.ts';
import type { Preview } from '../previews/index.ts';
import { type Assessment, assess, type ChangedObject } from './assess.ts';
import { authorOf } from './author.ts';
import { isUnderReview, patternText, refuseUnlessWriter, requirementOf } from './authority.ts';
import { locate, movedIn, type Rehearsal, rehearse, staleBase } from './carry-out.ts';
import type { ChangesContext } from './context.ts';
import { keepAuthor, notDraft } from './draft.ts';
import { holderOf, refuseUnlessVouched } from './holder.ts';
import { onlyNarrows } from './narrowing.ts';
import { reviewersOf } from './people.ts';
import { recordingRefusals } from './refusals.ts';
import { authorsOf, type ChangeRow, changeFields, findChange } from './rows.ts';
import { approvedSettings, type ChangeSettings } from './settings.ts';
import { standardFor } from './standard.ts';
import type { ChangeClass } from './types.ts';

const DAY_SECONDS = 86_400;

/**
 * Throws `change_not_found`, `change_not_draft`, `change_stale`, `change_invalid`, `change_checks_failed`, `role_missing`.
 * What needs nobody is approved with this.
 */
export function submitChange(context: ChangesContext, who: Administrator, idOrName: string): Promise<ChangeRow> {
  return recordingRefusals(context, who, idOrName, 'submit', () => submit(context, who, idOrName));
}

async function submit(context: ChangesContext, who: Administrator, idOrName: string): Promise<ChangeRow> {
  const { pool, log, controlled, previews } = context;
  const { workspaceId } = who;
  const draft = await findChange(pool, workspaceId, idOrName);
  await holderOf(pool, who);
  // A rollback is asked for by whoever may review, too.
  if (draft.class !== 'rollback' || !who.roles.includes('reviewer')) refuseUnlessWriter(who.roles, draft.operations);
  if (draft.status !== 'draft') throw notDraft(draft);
  const rehearsal = await rehearse(log, controlled, await authorOf(pool, draft), draft);
  const settings = await approvedSettings(pool, workspaceId);
  const judged = judge(settings, draft, rehearsal);
  const isUrgent = requirementOf(settings, { ...draft, ...judged }) === null || draft.class === 'emergency';
  const preview = await previews.start(workspaceId, {
    operations: draft.operations,
    replayDays: isUrgent ? 0 : settings.replay_days,
  });
  refuseFailedChecks(draft, preview);
  return log.transact(workspaceId, async (transaction) => {
    const row = await findChange(transaction.client, workspaceId, draft.id, 'FOR UPDATE OF c');
    if (row.status !== 'draft') throw notDraft(row);
    if (row.content_hash !== draft.content_hash) throw editedMeanwhile();
    const moved = movedIn(await locate(transaction.client, workspaceId, controlled, row.operations));
    if (moved.length > 0) throw staleBase(moved);
    await freeze(transaction, who, row, judged, preview);
    return findChange(transaction.client, workspaceId, row.id);
  });
}

interface Judged extends Assessment {
  readonly class: ChangeClass;
  readonly pattern: string | null;
}

/** Its class and risk, from its documents and the settings. */
function judge(settings: ChangeSettings, draft: ChangeRow, { located, before, after }: Rehearsal): Judged {
  const objects = located.map(
    ({ operation: { type, id, document }, before: was }): ChangedObject => ({ type, id, before: was, after: document }),
  );
  const difference = policyDiff(before, after);
  const assessment = assess(objects, before, difference);
  if (draft.class === 'rollback') return { ...assessment, class: 'rollback', pattern: null };
  if (!isUnderReview(settings, objects) && !objects.some(takesTwoAnyway))
    return { ...assessment, class: 'direct', pattern: null };
  if (draft.class === 'emergency') return { ...assessment, class: 'emergency', pattern: null };
  const patterns = standardFor(objects, settings.standard, (object) => onlyNarrows(object, before));
  return patterns === undefined
    ? { ...assessment, class: 'normal', pattern: null }
    : { ...assessment, class: 'standard', pattern: patternText(patterns) };
}

/** Where stops take two people, so does changing that, whether changes are reviewed or not. */
function takesTwoAnyway({ type, before }: ChangedObject): boolean {
  if (type !== 'containment_settings' || before === null) return false;
  const settings = storedSettings.safeParse(before);
  return !settings.success || asksForTwo(settings.data);
}

/** Errors that were not there before, and cases that passed before. An emergency is not held up by test cases. */
function refuseFailedChecks(draft: ChangeRow, { document: { lint, tests, misfits } }: Preview): void {
  const errors = lint.new.filter(({ level }) => level === 'error');
  const failures =
    draft.class === 'emergency'
      ? []
      : tests.files.flatMap(({ name: file, problems, failures: failed }) => [
          ...problems.map((problem) => ({ file, message: problem })),
          ...failed
            .filter(({ before }) => before === 'passed')
            .map(({ name, differences }) => ({ file, message: `${name}: ${differences.join('; ')}` })),
        ]);
  const problems: readonly JsonValue[] = [
    ...errors.map(({ code, message, remedy }) => ({ code, message, remedy })),
    ...misfits.map(({ origin, message, remedy }) => ({ code: 'misfit', origin, message, remedy })),
    ...failures.map(({ file, message }) => ({ code: 'test_failed', file, message })),
  ];
  if (problems.length === 0) return;
  throw new Failure(
    422,
    'change_checks_failed',
    `${problems.length} of the checks ${problems.length === 1 ? 'fails' : 'fail'}.`,
    'See problems; correct the documents, or the test cases beside them.',
    problems,
  );
}

async function freeze(
  transaction: LoggedTransaction,
  who: Administrator,
  row: ChangeRow,
  { class: of, risk, narrows, reasons, pattern }: Judged,
  preview: Preview,
): Promise<void> {
  const { client, now } = transaction;
  const { workspaceId, actor } = who;
  const holder = await holderOf(client, who);
  await refuseUnlessVouched(client, who, row.operations);
  await keepAuthor(transaction, who, {
    id: row.id,
    edit: row.edits,
    hash: row.content_hash,
    what: 'request',
    person: holder.id,
  });
  await refuseOwnAuthority(client, row);
  // Of now: others may review it since it was judged.
  const settings = await approvedSettings(client, workspaceId);
  // A time that is far off leaves time to activate it behind it.
  const from = Math.max(now.getTime(), row.activate_at?.getTime() ?? 0);
  const expiresAt = new Date(from + settings.expire_days * DAY_SECONDS * 1000);
  await client.query(
    `UPDATE changes SET status = 'submitted', class = $3, risk = $4, narrows = $5, reasons = $6, pattern = $7, preview_id = $8,
            submitted_at = $9, submitted_by = $10, expires_at = $11, updated_at = $9
      WHERE workspace_id = $1 AND id = $2`,
    [
      workspaceId,
      row.id,
      of,
      risk,
      narrows,
      JSON.stringify(reasons),
      pattern,
      preview.id,
      now,
      holder.email,
      expiresAt,
    ],
  );
  const submitted = await findChange(client, workspaceId, row.id);
  const needsNobody = requirementOf(settings, { ...submitted, risk }) === null;
  const authors = new Set((await authorsOf(client, workspaceId, row.id)).map(({ email }) => email));
  const reviewers = needsNobody ? [] : await reviewersOf(client, workspaceId);
  transaction.log({
    kind: 'change.submitted',
    actor,
    person: holder.email,
    ...changeFields(submitted),
    risk,
    reasons: reasons.slice(0, 10),
    pattern: pattern ?? undefined,
    preview_id: preview.id ?? undefined,
    activate_at: row.activate_at?.toISOString(),
    to: reviewers.filter((email) => !authors.has(email)),
  });
  if (needsNobody) await approve(transaction, actor, submitted, []);
}

/** Nobody asks for what they may do themselves, by an edit of somebody else's draft neither. Throws `own_roles`. */
async function refuseOwnAuthority(client: ClientBase, { workspace_id, id, operations }: ChangeRow): Promise<void> {
  const authors = new Set<string>((await authorsOf(client, workspace_id, id)).map((author) => author.id));
  if (!operations.some((each) => each.type === 'person_authority' && authors.has(each.id))) return;
  throw new Failure(
    403,
    'own_roles',
    'Nobody changes their own roles, groups or authority.',
    'Have somebody else draft and submit it.',
  );
}

/** As many as it takes have approved: in force now by whoever activates it, or at its time. */
export async function approve(
  { client, now, log }: LoggedTransaction,
  actor: string,
  row: ChangeRow,
  approvers: readonly string[],
): Promise<void> {
  const isLater = row.activate_at !== null && row.activate_at.getTime() > now.getTime();
  await client.query(
    `UPDATE changes SET status = 'approved', approved_at = $3, ended_code = NULL, ended_reason = NULL WHERE workspace_id = $1 AND id = $2`,
    [row.workspace_id, row.id, now],
  );
  log({
    kind: 'change.approved',
    actor,
    ...changeFields(row),
    risk: row.risk ?? undefined,
    preview_hash: row.preview_hash ?? undefined,
    approvers,
    pattern: row.pattern ?? undefined,
  });
  if (!isLater) return;
  await client.query(
    `UPDATE changes SET status = 'scheduled', due_at = activate_at WHERE workspace_id = $1 AND id = $2`,
    [row.workspace_id, row.id],
  );
  log({ kind: 'change.scheduled', actor, ...changeFields(row), activate_at: row.activate_at?.toISOString() });
}

function editedMeanwhile(): Failure {
  return new Failure(409, 'change_edited', 'It was edited while it was checked.', 'Submit it again.');
}
