/** Drafting: what is asked for, by whom. Whoever writes something of it is an author of it for good. */
import { hash as digest } from 'node:crypto';
import { canonicalJson } from '@hivekey/action-log';
import type { JsonValue } from '@hivekey/policy';
import type { ClientBase } from 'pg';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { newId, type PersonId, type WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { type ControlledTypes, contentHash, type ObjectRef } from '../versions/index.ts';
import { refuseUnlessWriter } from './authority.ts';
import type { ChangeEdit, NewChange, NewOperation } from './change.ts';
import type { ChangesContext } from './context.ts';
import { holderOf } from './holder.ts';
import { type ChangeRow, changeFields, findChange, nameOfChange } from './rows.ts';
import type { ChangeClass, ChangeOperation, ChangeSource } from './types.ts';

/** All that is asked for; the content hash is over it. */
export interface Content {
  readonly class: ChangeClass;
  readonly title: string;
  readonly justification: string;
  readonly ticket: string | null;
  readonly operations: readonly ChangeOperation[];
  /** Epoch seconds. */
  readonly activate_at: number | null;
  readonly source: ChangeSource | null;
  readonly rollback_of: string | null;
}

/** Furthest that an activation is planned ahead. */
const MAX_AHEAD_SECONDS = 90 * 86_400;

/** Throws `person_required`, `person_inactive`, `role_missing`, `operation_unchanged`, `activate_at_invalid`, and what is wrong with a document. */
export function draftChange(context: ChangesContext, who: Administrator, wanted: NewChange): Promise<ChangeRow> {
  return context.log.transact(who.workspaceId, async (transaction) => {
    refuseUnlessWriter(who.roles, wanted.operations);
    const operations = await readOperations(transaction.client, who.workspaceId, context.controlled, wanted.operations);
    checkTime(wanted.activate_at, transaction.now);
    return insertDraft(transaction, who, { ...wanted, operations, rollback_of: null });
  });
}

/** Writes a draft down, and its first author. */
export async function insertDraft(
  transaction: LoggedTransaction,
  who: Administrator,
  content: Content,
): Promise<ChangeRow> {
  const { client, now } = transaction;
  const { workspaceId, actor } = who;
  const holder = await holderOf(client, who);
  const id = newId<string>('chg');
  const hash = hashOf(workspaceId, id, content);
  // The workspace is locked: no other number is given meanwhile.
  await client.query(
    `INSERT INTO changes (workspace_id, id, number, class, title, justification, ticket, operations, activate_at, source,
                          rollback_of, content_hash, author_id, author, created_at, updated_at)
     SELECT $1, $2, coalesce(max(number), 0) + 1, $3, $4, $5, $6, $7, to_timestamp($8::bigint), $9, $10, $11, $12, $13, $14, $14
       FROM changes WHERE workspace_id = $1`,
    [
      workspaceId,
      id,
      content.class,
      content.title,
      content.justification,
      content.ticket,
      JSON.stringify(content.operations),
      content.activate_at,
      content.source === null ? null : JSON.stringify(content.source),
      content.rollback_of,
      hash,
      holder.id,
      actor,
      now,
    ],
  );
  await keepAuthor(transaction, who, { id, edit: 1, hash, what: 'edit', person: holder.id });
  const committer = content.source === null ? undefined : await personOfCommit(client, workspaceId, content.source);
  if (committer !== undefined)
    await keepAuthor(transaction, who, { id, edit: 1, hash, what: 'commit', person: committer });
  const row = await findChange(client, workspaceId, id);
  transaction.log({
    kind: 'change.drafted',
    actor,
    person: holder.email,
    ...changeFields(row),
    rollback_of: content.rollback_of ?? undefined,
    source: content.source ?? undefined,
  });
  return row;
}

/** What is absent is unchanged. Throws as `draftChange`, `change_not_found`, and `change_not_draft`. */
export function editChange(
  context: ChangesContext,
  who: Administrator,
  idOrName: string,
  edit: ChangeEdit,
): Promise<ChangeRow> {
  const { workspaceId, actor } = who;
  return context.log.transact(workspaceId, async (transaction) => {
    const { client, now } = transaction;
    const row = await findChange(client, workspaceId, idOrName, 'FOR UPDATE OF c');
    const holder = await holderOf(client, who);
    refuseUnlessWriter(who.roles, [...row.operations, ...(edit.operations ?? [])]);
    if (row.status !== 'draft') throw notDraft(row);
    if (row.class === 'rollback' && (edit.operations !== undefined || edit.class !== undefined))
      throw rollbackIsFixed(row);
    const operations =
      edit.operations === undefined
        ? row.operations
        : await readOperations(client, workspaceId, context.controlled, edit.operations);
    // What is written here is not what the commit says, and must not look as if it were.
    const source = canonicalJson(operations) === canonicalJson(row.operations) ? row.source : null;
    const content = { ...contentOf(row), ...withoutAbsent(edit), operations, source };
    if (edit.activate_at !== undefined) checkTime(edit.activate_at, now);
    const hash = hashOf(workspaceId, row.id, content);
    if (hash === row.content_hash) return row;
    const number = row.edits + 1;
    await client.query(
      `UPDATE changes SET class = $3, title = $4, justification = $5, ticket = $6, operations = $7,
              activate_at = to_timestamp($8::bigint), content_hash = $9, edits = $10, updated_at = $11,
              source = $12
        WHERE workspace_id = $1 AND id = $2`,
      [
        workspaceId,
        row.id,
        content.class,
        content.title,
        content.justification,
        content.ticket,
        JSON.stringify(content.operations),
        content.activate_at,
        hash,
        number,
        now,
        source === null ? null : JSON.stringify(source),
      ],
    );
    await keepAuthor(transaction, who, { id: row.id, edit: number, hash, what: 'edit', person: holder.id });
    const after = await findChange(client, workspaceId, row.id);
    transaction.log({
      kind: 'change.edited',
      actor,
      person: holder.email,
      ...changeFields(after),
      edit: number,
      prev_content_hash: row.content_hash,
    });
    return after;
  });
}

function withoutAbsent(edit: ChangeEdit): Partial<Content> {
  const { operations: _, ...rest } = edit;
  return Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
}

export interface Part {
  readonly id: string;
  readonly edit: number;
  readonly hash: string;
  readonly what: 'edit' | 'commit' | 'request';
  readonly person: PersonId;
}

export async function keepAuthor(
  { client, now }: LoggedTransaction,
  { workspaceId, actor, credentialId }: Administrator,
  { id, edit, hash, what, person }: Part,
): Promise<void> {
  await client.query(
    `INSERT INTO change_edits (workspace_id, change_id, edit, what, person_id, actor, credential_id, content_hash, at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
    [workspaceId, id, edit, what, person, actor, credentialId, hash, now],
  );
}

const ADDRESS = /<([^<>\s]+@[^<>\s]+)>\s*$/;

/** Whoever wrote the commit wrote the change, whoever's key posts it. */
async function personOfCommit(
  client: ClientBase,
  workspaceId: WorkspaceId,
  { author }: ChangeSource,
): Promise<PersonId | undefined> {
  const email = (ADDRESS.exec(author)?.[1] ?? author).toLowerCase();
  const { rows } = await client.query<{ id: PersonId }>(
    'SELECT id FROM people WHERE workspace_id = $1 AND email = $2 AND deleted_at IS NULL',
    [workspaceId, email],
  );
  return rows[0]?.id;
}

/** In the form that is stored; `base` of what is there now where none is given. */
async function readOperations(
  client: ClientBase,
  workspaceId: WorkspaceId,
  controlled: ControlledTypes,
  wanted: readonly NewOperation[],
): Promise<readonly ChangeOperation[]> {
  const operations: ChangeOperation[] = [];
  for (const { type, id, document, base } of wanted) {
    const parsed = document === null ? null : typeOf(controlled, type).parse(id, document);
    const from = base === undefined ? await hashNow(client, workspaceId, controlled, { type, id }) : base;
    if ((parsed === null ? null : contentHash(parsed)) === from) throw unchanged({ type, id });
    operations.push({ type, id, document: parsed, base: from });
  }
  return operations;
}

export function typeOf(controlled: ControlledTypes, type: ObjectRef['type']) {
  const found = controlled.get(type);
  if (found === undefined) throw new Error(`nothing knows how to change a ${type}`);
  return found;
}

/** Null: there is none. */
export async function documentNow(
  client: ClientBase,
  workspaceId: WorkspaceId,
  controlled: ControlledTypes,
  { type, id }: ObjectRef,
): Promise<JsonValue | null> {
  return (await typeOf(controlled, type).read(client, workspaceId, id)) ?? null;
}

async function hashNow(
  client: ClientBase,
  workspaceId: WorkspaceId,
  controlled: ControlledTypes,
  ref: ObjectRef,
): Promise<string | null> {
  const document = await documentNow(client, workspaceId, controlled, ref);
  return document === null ? null : contentHash(document);
}

function contentOf(row: ChangeRow): Content {
  const { title, justification, ticket, operations, source, rollback_of } = row;
  return {
    class: row.class,
    title,
    justification,
    ticket,
    operations,
    activate_at: row.activate_at === null ? null : Math.floor(row.activate_at.getTime() / 1000),
    source,
    rollback_of,
  };
}

/** `class` is as it was asked for: that it turns out to be a standard change changes nothing of it. */
function hashOf(workspaceId: WorkspaceId, id: string, content: Content): string {
  const asked = content.class === 'emergency' || content.class === 'rollback' ? content.class : 'normal';
  const bound = { v: 1, workspace_id: workspaceId, change: id, ...content, class: asked };
  return `sha256:${digest('sha256', canonicalJson(bound))}`;
}

function checkTime(activateAt: number | null, now: Date): void {
  const nowSeconds = now.getTime() / 1000;
  if (activateAt === null || (activateAt > nowSeconds && activateAt < nowSeconds + MAX_AHEAD_SECONDS)) return;
  throw new Failure(
    422,
    'activate_at_invalid',
    'The time of activation is past, or further away than 90 days.',
    'Name a time within 90 days in epoch seconds, or leave it out.',
  );
}

export function notDraft(row: ChangeRow): Failure {
  return new Failure(
    409,
    'change_not_draft',
    `${nameOfChange(row)} is ${row.status}: what was submitted does not change any more.`,
    'Withdraw it, and draft another.',
  );
}

function rollbackIsFixed(row: ChangeRow): Failure {
  return new Failure(
    409,
    'change_rollback_fixed',
    `${nameOfChange(row)} puts back what a change replaced, and nothing else.`,
    'Withdraw it, and draft a change of class normal.',
  );
}

function unchanged({ type, id }: ObjectRef): Failure {
  return new Failure(
    422,
    'operation_unchanged',
    `The document of the ${type.replaceAll('_', ' ')} "${id}" is what is there already.`,
    'Leave the operation out.',
  );
}
