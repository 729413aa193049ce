/** Every change of a controlled object ends here, whoever makes it: before its transaction commits. */
import type { Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import type { BeforeCommit, DoneChange, LoggedTransaction } from '../log/index.ts';
import { type Basis, basisOf } from './basis.ts';
import { readControl } from './control.ts';
import { refuseDrifted } from './drifted.ts';
import { isReviewed, refuseDirect } from './gate.ts';
import { type ControlledTypes, differing, type Touched, touchedIn } from './touched.ts';

/** Throws for a direct edit that may not be made now, whether it would have to be reviewed or not. */
export type RefuseEdit = (
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  changed: readonly Touched[],
) => Promise<void>;

/**
 * Throws `change_required` for a direct edit of what is reviewed, `object_drifted`, and what `refuseEdit` throws; then
 * nothing has changed. `pool`: to see what was there before the transaction.
 */
export function keepVersions(pool: Pool, controlled: ControlledTypes, refuseEdit: RefuseEdit): BeforeCommit {
  return async (transaction, done) => {
    const touched = await touchedIn(transaction.client);
    if (touched.length === 0) return;
    const changed = await differing(transaction.client, done.workspaceId, controlled, touched);
    if (changed.length === 0) return;
    const who = { workspaceId: done.workspaceId, actor: actorOf(done.records) };
    const basis = basisOf(transaction);
    // What is put back is what was approved, and nothing else.
    if (basis.kind === 'restored') throw new Error('what was put back is not what was approved');
    await refuseDrifted(pool, done.workspaceId, controlled, changed);
    // Somebody else has looked at it, and not at whether it may be now.
    if (basis.kind === 'agent_request') await refuseEdit(transaction, done.workspaceId, changed);
    if (basis.kind !== 'direct') return storeVersions(transaction, who, changed, () => basis);
    // Read before its own next version is stored: nobody lifts the rule by the edit that it is about.
    const control = await readControl(transaction.client, done.workspaceId);
    await refuseDirect(transaction.client, done.workspaceId, controlled, control, changed);
    await refuseEdit(transaction, done.workspaceId, changed);
    return storeVersions(transaction, who, changed, ({ type }) =>
      isReviewed(control, type) ? { kind: 'narrowing' } : basis,
    );
  };
}

/** The next version of each, with a record that holds its hash. */
export async function storeVersions(
  transaction: LoggedTransaction,
  { workspaceId, actor }: { readonly workspaceId: WorkspaceId; readonly actor: string },
  changed: readonly Touched[],
  basisFor: (touched: Touched) => Basis | { readonly kind: 'narrowing' },
): Promise<void> {
  const rows = changed.map((touched) => {
    const { type, id, version, sha256, after, hash } = touched;
    const basis = basisFor(touched);
    const change = basis.kind === 'change' ? basis.id : undefined;
    const author = basis.kind === 'change' ? basis.author : actor;
    const eventId = transaction.log({
      kind: 'object.versioned',
      actor,
      object_type: type,
      object_id: id,
      version: version + 1,
      prev_version: version === 0 ? undefined : version,
      sha256: hash,
      prev_sha256: sha256,
      basis: basis.kind,
      change,
      author: author === actor ? undefined : author,
    });
    return { type, id, version: version + 1, hash, after, basis, change, author, eventId };
  });
  await transaction.client.query(
    `INSERT INTO object_versions (workspace_id, object_type, object_id, version, sha256, document, basis, change_id, author,
                                  authored_at, event_id)
     SELECT $1, * FROM unnest($2::text[], $3::text[], $4::integer[], $5::text[], $6::json[], $7::text[], $8::text[], $9::text[],
                              $10::timestamptz[], $11::text[])`,
    [
      workspaceId,
      rows.map(({ type }) => type),
      rows.map(({ id }) => id),
      rows.map(({ version }) => version),
      rows.map(({ hash }) => hash ?? null),
      rows.map(({ after }) => (after === undefined ? null : JSON.stringify(after))),
      rows.map(({ basis }) => basis.kind),
      rows.map(({ change }) => change ?? null),
      rows.map(({ author }) => author),
      rows.map(({ basis }) => (basis.kind === 'change' ? basis.authoredAt : transaction.now)),
      rows.map(({ eventId }) => eventId),
    ],
  );
}

/** Who acts stands on the records of what was done. */
function actorOf(records: DoneChange['records']): string {
  const named = records.find(({ actor }) => typeof actor === 'string')?.actor;
  return typeof named === 'string' ? named : 'system';
}
