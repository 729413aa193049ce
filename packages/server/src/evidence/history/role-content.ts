/** The document of a role, or of the guards of the workspace, as the model has it. */
import { checkGuards, type Guard, roleFromDocument } from '@hivekey/policy';
import type { ObjectVersion } from './versions.ts';

export interface RoleContent {
  readonly description: string;
  readonly allow: readonly string[];
  readonly guards: readonly Guard[];
}

/** Throws where what was stored does not pass its own check: it was edited past HiveKey. */
export function contentOf({ type, id, version, document }: ObjectVersion): RoleContent {
  if (type === 'role') return checkedOf(roleFromDocument(document, version), `role ${id}`);
  const guards: unknown =
    typeof document === 'object' && document !== null && 'guards' in document ? document.guards : [];
  return { description: '', allow: [], guards: checkedOf(checkGuards(guards, 'workspace'), 'workspace guards') };
}

function checkedOf<T>(
  checked: { ok: true; value: T } | { ok: false; problems: readonly { message: string }[] },
  what: string,
): T {
  if (checked.ok) return checked.value;
  throw new Error(`${what}: ${checked.problems.map(({ message }) => message).join('; ')}`);
}
