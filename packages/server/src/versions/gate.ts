/** What people may not edit by themselves where changes are reviewed. */
import type { ClientBase } from 'pg';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { Control } from './control.ts';
import { onlyTakesAway } from './narrowing.ts';
import type { ObjectRef } from './object.ts';
import type { ControlledTypes, Touched } from './touched.ts';

/** Throws `change_required` for the first one that somebody else has to review. */
export async function refuseDirect(
  client: ClientBase,
  workspaceId: WorkspaceId,
  controlled: ControlledTypes,
  control: Control,
  changed: readonly Touched[],
): Promise<void> {
  for (const each of changed) {
    if (!isReviewed(control, each.type) || (await onlyTakesAway(client, workspaceId, controlled, each))) continue;
    throw new Failure(
      409,
      'change_required',
      `In this workspace ${nameOf(each)} changes only when somebody else has reviewed it.`,
      'Ask for it: POST /v1/changes, or hivekey change draft.',
    );
  }
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
