/** Change freezes under change control. */
import { checkFreeze, type FreezeDocument } from '@hivekey/policy';
import { valid } from '../roles/index.ts';
import { type ControlledType, documentOf } from '../versions/index.ts';
import { applyFreezeIn, removeFreezeIn } from './change.ts';
import { findFreeze, freezeNameDiffers } from './freeze.ts';

export const freezeType: ControlledType = {
  type: 'freeze',
  isPolicy: true,
  parse: (id, document) => documentOf(freezeOf(id, document)),
  async list(client, workspaceId) {
    const { rows } = await client.query<{ name: string; document: FreezeDocument }>(
      'SELECT name, document FROM freezes WHERE workspace_id = $1 ORDER BY name COLLATE "C"',
      [workspaceId],
    );
    return new Map(rows.map(({ name, document }) => [name, documentOf(document)]));
  },
  async read(client, workspaceId, id) {
    const freeze = await findFreeze(client, workspaceId, id);
    return freeze && documentOf(freeze.document);
  },
  async apply(transaction, who, id, document) {
    if (document === null) await removeFreezeIn(transaction, who, id);
    else await applyFreezeIn(transaction, who, freezeOf(id, document));
  },
};

function freezeOf(id: string, document: unknown): FreezeDocument {
  const freeze = valid(checkFreeze(document), 'freeze_invalid', 'The freeze');
  if (freeze.metadata.name === id) return freeze;
  throw freezeNameDiffers(freeze.metadata.name, id);
}
