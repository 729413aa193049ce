/** Changes of what decides: asked for by one person, approved by others, and in force all at once. */
export { activateChange } from './activate.ts';
export { refuseUnlessWriter } from './authority.ts';
export { carryOut } from './carry-out.ts';
export { changeSchema, MAX_OPERATIONS } from './change.ts';
export type { ChangesContext } from './context.ts';
export { draftChange, insertDraft } from './draft.ts';
export { keyMadeBy } from './holder.ts';
export { refuseFrozenEdit } from './policy-freeze.ts';
export { type ChangeRow, findChange, nameOfChange } from './rows.ts';
export { approvedSettings, changeSettingsType } from './settings.ts';
export { submitChange } from './submit.ts';
export type { ChangeOperation } from './types.ts';
export { viewOf } from './view.ts';
export { watchChanges } from './watch.ts';
