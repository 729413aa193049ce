/** Whose content is trusted, under change control. */
import { API_VERSION, checkSources, type SourcesDocument } from '@hivekey/policy';
import { valid } from '../roles/index.ts';
import { type ControlledType, documentOf } from '../versions/index.ts';
import { findSources, putSourcesIn } from './sources.ts';

/** What holds without a document. */
const NONE: SourcesDocument = sourcesOf({ apiVersion: API_VERSION, kind: 'Sources' });

export const sourcesType: ControlledType = {
  type: 'sources',
  isPolicy: true,
  parse: (_id, document) => documentOf(sourcesOf(document)),
  async list(client, workspaceId) {
    const sources = await findSources(client, workspaceId);
    return new Map(sources === undefined ? [] : [['*', documentOf(sources)]]);
  },
  async read(client, workspaceId) {
    const sources = await findSources(client, workspaceId);
    return sources && documentOf(sources);
  },
  async apply(transaction, who, _id, document) {
    await putSourcesIn(transaction, who, document === null ? NONE : sourcesOf(document));
  },
};

function sourcesOf(document: unknown): SourcesDocument {
  return valid(checkSources(document), 'sources_invalid', 'The document');
}
