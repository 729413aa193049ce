/** How the tool itself knows a call, where the capability says which member of the answer tells it. */
import { readField } from '../documents/fields.ts';
import type { Capability, ReadToolReference } from '../model.ts';
import { isObject } from '../values/json.ts';
import { readerOf } from './condition.ts';

const MAX_TEXT = 256;

/** Of an answer that is an error, or has there neither a text nor a number, nothing. */
export function referenceOf({ reference }: Capability): ReadToolReference | undefined {
  if (reference === undefined) return undefined;
  const field = readField(reference.startsWith('args.') ? reference : `args.${reference}`)?.field;
  if (field?.kind !== 'argument') return undefined;
  const valueAt = readerOf(field.path);
  return ({ isError, content }) => {
    const value = isError || !isObject(content) ? undefined : valueAt(content);
    const text = typeof value === 'string' || typeof value === 'number' ? String(value).toWellFormed() : '';
    return text === '' || text.length > MAX_TEXT ? undefined : text;
  };
}
