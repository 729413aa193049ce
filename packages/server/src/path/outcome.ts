import type { Outcome } from './types.ts';

/** Of an answer that asks for more before anything is done, which the call that brings it then ends otherwise. */
export const ASKS_FOR_INPUT = 'input_required';

/** Whether what other calls may need to have been done was done. */
export function isDone({ result, errorCode }: Outcome): boolean {
  return result === 'success' && errorCode !== ASKS_FOR_INPUT;
}
