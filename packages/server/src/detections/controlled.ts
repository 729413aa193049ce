/** Detections under change control. */
import { type ControlledType, documentOf, shaped } from '../versions/index.ts';
import { detectionDocument, detectionNameSchema } from './document.ts';
import { checkDetection } from './rule-set.ts';
import { putDetectionIn, removeDetectionIn } from './store.ts';

export const detectionType: ControlledType = {
  type: 'detection',
  isPolicy: false,
  parse(id, document) {
    const name = shaped(detectionNameSchema, id, 'detection_invalid', 'The name of the detection');
    const parsed = detectionOf(document);
    checkDetection(name, parsed);
    return documentOf(parsed);
  },
  async list(client, workspaceId) {
    const { rows } = await client.query<{ name: string; document: object }>(
      'SELECT name, document FROM detections WHERE workspace_id = $1 ORDER BY name COLLATE "C"',
      [workspaceId],
    );
    return new Map(rows.map(({ name, document }) => [name, documentOf(document)]));
  },
  async read(client, workspaceId, id) {
    const { rows } = await client.query<{ document: object }>(
      'SELECT document FROM detections WHERE workspace_id = $1 AND name = $2',
      [workspaceId, id],
    );
    return rows[0] && documentOf(rows[0].document);
  },
  async apply(transaction, who, id, document) {
    if (document === null) await removeDetectionIn(transaction, who, id);
    else await putDetectionIn(transaction, who, id, detectionOf(document));
  },
};

function detectionOf(document: unknown) {
  return shaped(detectionDocument, document, 'detection_invalid', 'The detection');
}
