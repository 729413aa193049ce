/** What people may not edit by themselves where changes are reviewed. */
import { Failure } from '../errors.ts';
import type { Control } from './control.ts';
import { isNarrowing } from './narrowing.ts';
import type { ObjectRef } from './object.ts';
import type { Touched } from './touched.ts';

/** Throws `change_required` for the first one that somebody else has to review. */
export function refuseDirect(control: Control, changed: readonly Touched[]): void {
  const refused = changed.find(
    ({ type, before, after }) => isReviewed(control, type) && !isNarrowing(type, before, after),
  );
  if (refused === undefined) return;
  throw new Failure(
    409,
    'change_required',
    `In this workspace ${nameOf(refused)} changes only when somebody else has reviewed it.`,
    'Ask for it: POST /v1/changes, or hivekey change draft.',
  );
}

export function isReviewed({ mode, types }: Control, type: ObjectRef['type']): boolean {
  // How changes are reviewed is reviewed itself, whatever the settings name.
  return mode === 'reviewed' && (type === 'change_settings' || types.includes(type));
}

/** As it stands in a sentence. */
export function nameOf({ type, id }: ObjectRef): string {
  const what = type.replaceAll('_', ' ');
  return id === '*' ? `what is set as ${what}` : `the ${what} "${id}"`;
}
