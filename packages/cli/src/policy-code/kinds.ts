/** The kinds of documents in a folder, which objects under change control they hold, and where an export writes them. */
import type { DocumentPath, JsonObject, JsonValue } from '@hivekey/policy';

/** How objects stand in a document of a kind. */
type KindForm =
  /** One object, named by `metadata.name`; the document is the object's own file. */
  | 'own'
  /** The one object of its type; the document is the object's own file. */
  | 'own_single'
  /** One object, named by `metadata.name`, below `spec`. */
  | 'spec'
  /** The one object of its type, below `spec`. */
  | 'spec_single'
  /** Many, by name below the field. */
  | 'map';

export interface Kind {
  readonly kind: string;
  /** The type of object, as the API names it. */
  readonly type: string;
  readonly form: KindForm;
  /** Of a map: the field its objects are below. */
  readonly field: string;
  /** Where an export writes: a file, or a folder where each object has its own. */
  readonly place: string;
}

const kind = (name: string, type: string, form: KindForm, place: string, field = 'spec'): Kind => ({
  kind: name,
  type,
  form,
  field,
  place,
});

export const KINDS: readonly Kind[] = [
  kind('Capability', 'capability', 'own', 'capabilities'),
  kind('Role', 'role', 'own', 'roles'),
  kind('WorkspaceGuards', 'workspace_guards', 'own_single', 'workspace-guards.yaml'),
  kind('Freeze', 'freeze', 'own', 'freezes'),
  kind('Sources', 'sources', 'own_single', 'sources.yaml'),
  kind('McpServer', 'mcp_server', 'spec', 'servers'),
  kind('HttpApi', 'http_api', 'spec', 'servers'),
  kind('Definitions', 'definition', 'map', 'definitions.yaml', 'definitions'),
  kind('Assignments', 'assignment', 'map', 'assignments.yaml', 'agents'),
  kind('Breaker', 'breaker', 'spec', 'breakers'),
  kind('Detection', 'detection', 'spec', 'detections'),
  kind('Authority', 'person_authority', 'map', 'authority.yaml', 'people'),
  kind('ApprovalReminders', 'approval_reminders', 'spec_single', 'approval-reminders.yaml'),
  kind('AgentSettings', 'agent_settings', 'spec_single', 'agent-settings.yaml'),
  kind('ContainmentSettings', 'containment_settings', 'spec_single', 'containment-settings.yaml'),
  kind('ChangeSettings', 'change_settings', 'spec_single', 'change-settings.yaml'),
];

const BY_KIND: ReadonlyMap<string, Kind> = new Map(KINDS.map((each) => [each.kind, each]));
const BY_TYPE: ReadonlyMap<string, Kind> = new Map(KINDS.map((each) => [each.type, each]));

export const kindNamed = (name: unknown): Kind | undefined =>
  typeof name === 'string' ? BY_KIND.get(name) : undefined;

export const kindOfType = (type: string): Kind | undefined => BY_TYPE.get(type);

/** Name of an object of which its type has one. */
export const SINGLE = '*';

/** One object under change control, as files have it: by the name people know it by. */
export interface FileObject {
  readonly type: string;
  readonly name: string;
  readonly document: JsonValue;
}

/** Where an object stands in its document. */
export interface PlacedObject extends FileObject {
  readonly at: DocumentPath;
}

export const keyOf = ({ type, name }: Pick<FileObject, 'type' | 'name'>): string => `${type} ${name}`;

/** `role billing`, `workspace guards`. */
export function wordsOf({ type, name }: Pick<FileObject, 'type' | 'name'>): string {
  const words = type.replaceAll('_', ' ');
  return name === SINGLE ? words : `${words} ${name}`;
}

/** An assignment is a list in files and an object with a list in the API. */
export function fromMapValue({ type }: Kind, value: JsonValue): JsonValue {
  return type === 'assignment' && Array.isArray(value) ? { roles: value } : value;
}

export function toMapValue({ type }: Kind, document: JsonValue): JsonValue {
  if (type !== 'assignment' || typeof document !== 'object' || document === null || Array.isArray(document))
    return document;
  const { roles, ...rest } = document as JsonObject;
  return Array.isArray(roles) && Object.keys(rest).length === 0 ? roles : document;
}
