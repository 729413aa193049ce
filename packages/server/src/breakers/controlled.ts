/** Circuit breakers under change control. */
import { type ControlledType, documentOf, shaped } from '../versions/index.ts';
import { breakerDocument } from './breaker.ts';
import { putBreakerIn, removeBreakerIn } from './store.ts';

export const breakerType: ControlledType = {
  type: 'breaker',
  isPolicy: false,
  parse: (_id, document) => documentOf(breakerOf(document)),
  async list(client, workspaceId) {
    const { rows } = await client.query<{ name: string; document: object }>(
      'SELECT name, document FROM breakers WHERE workspace_id = $1 ORDER BY name COLLATE "C"',
      [workspaceId],
    );
    return new Map(rows.map(({ name, document }) => [name, documentOf(document)]));
  },
  async read(client, workspaceId, id) {
    const { rows } = await client.query<{ document: object }>(
      'SELECT document FROM breakers WHERE workspace_id = $1 AND name = $2',
      [workspaceId, id],
    );
    return rows[0] && documentOf(rows[0].document);
  },
  async apply(transaction, who, id, document) {
    if (document === null) await removeBreakerIn(transaction, who, id);
    else await putBreakerIn(transaction, who, id, breakerOf(document));
  },
};

function breakerOf(document: unknown) {
  return shaped(breakerDocument, document, 'breaker_invalid', 'The breaker');
}
