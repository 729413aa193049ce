import { Failure } from '../errors.ts';

/** The one document of a file. Throws when there are several. */
export function documentOf<T>(documents: readonly T[], code: string): T {
  const [only, second] = documents;
  if (only !== undefined && second === undefined) return only;
  throw new Failure(422, code, `The file holds ${documents.length} documents.`, 'Send one document in each request.');
}
