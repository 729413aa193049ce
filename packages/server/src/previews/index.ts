/** What a change does before it does it. Nothing deeper in this folder is imported from outside. */
export { type Preview, type PreviewDocument, previewHash, previewSchema } from './preview.ts';
export { createPreviews } from './previews.ts';
export type { Previews } from './types.ts';
