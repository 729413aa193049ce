/** A folder of policy files: every document of it, or every problem in it. Links are not followed, nothing outside is read. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  API_VERSION,
  type DocumentProblem,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  objectOf,
  Problems,
  type ReadDocument,
  readDocuments,
  readPolicyDocument,
} from '@hivekey/policy';
import { UsageError } from '../exit.ts';
import {
  type FileObject,
  fromMapValue,
  KINDS,
  type Kind,
  keyOf,
  kindNamed,
  type PlacedObject,
  SINGLE,
  wordsOf,
} from './kinds.ts';
import { type FolderSettings, readSettings, SETTINGS_FILE } from './settings.ts';

/** A problem and the file it is in, relative to the folder. */
export interface FileProblem extends DocumentProblem {
  readonly file: string;
}

export interface FolderDocument {
  /** Relative to the folder, with `/`. */
  readonly file: string;
  readonly kind: Kind;
  readonly objects: readonly PlacedObject[];
  readonly locate: ReadDocument['locate'];
}

export interface PolicyFolder {
  readonly path: string;
  readonly settings: FolderSettings;
  readonly documents: readonly FolderDocument[];
  /** Every file that was read, tests and settings included, relative to the folder. */
  readonly files: readonly string[];
  /** Files of behaviour tests. */
  readonly tests: readonly { readonly path: string; readonly text: string }[];
}

export type FolderReading =
  | { readonly ok: true; readonly folder: PolicyFolder }
  | { readonly ok: false; readonly problems: readonly FileProblem[] };

const POLICY_FILE = /\.(ya?ml|json)$/i;
/** Tests say what the policy must answer; they are no part of it. */
const TESTS = 'tests/';
const MAX_FILES = 5_000;

/** Whether a file below a folder, named with `/`, is read: YAML or JSON, and nothing hidden. */
export function isPolicyFile(file: string): boolean {
  return POLICY_FILE.test(file) && !file.split('/').some((part) => part.startsWith('.'));
}

/** Throws a UsageError where there is no folder. */
export function readFolder(path: string): FolderReading {
  const found = filesBelow(path);
  const problems: FileProblem[] = found.problems;
  const documents: FolderDocument[] = [];
  const tests: { path: string; text: string }[] = [];
  let settings: FolderSettings = { owns: [] };
  for (const file of found.files) {
    const text = readFileSync(join(path, file), 'utf8');
    const report = (problem: DocumentProblem) => problems.push({ ...problem, file });
    if (file === SETTINGS_FILE) settings = readSettings(text, report) ?? settings;
    else if (file.startsWith(TESTS)) tests.push({ path: join(path, file), text });
    else documents.push(...documentsOf(file, text, report));
  }
  problems.push(...repeatedObjects(documents));
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, folder: { path, settings, documents, files: found.files, tests } };
}

function filesBelow(root: string): { readonly files: string[]; readonly problems: FileProblem[] } {
  const files: string[] = [];
  const problems: FileProblem[] = [];
  const look = (below: string): void => {
    for (const entry of readdirSync(join(root, below), { withFileTypes: true })) {
      const file = `${below}${entry.name}`;
      if (entry.isDirectory() && !entry.name.startsWith('.')) look(`${file}/`);
      else if (!isPolicyFile(file)) continue;
      else if (entry.isFile()) files.push(file);
      else
        problems.push({
          file,
          code: 'link',
          message: 'this is not a file of its own',
          remedy: 'Put the file itself here.',
          path: '',
        });
    }
  };
  try {
    look('');
  } catch {
    throw new UsageError(`${root} is not a folder that can be read.`, 'Name the folder that holds the policy files.');
  }
  if (files.length > MAX_FILES)
    throw new UsageError(`${root} holds ${files.length} files.`, `Keep it to ${MAX_FILES}.`);
  return { files: files.sort(), problems };
}

/** Those of one file that could be read; the problems of the others are reported. */
export function documentsOf(file: string, text: string, report: (problem: DocumentProblem) => void): FolderDocument[] {
  const read = readDocuments(text);
  read.problems.forEach(report);
  return read.documents.flatMap(({ value, locate }) => {
    const problems = new Problems(locate);
    const document = documentOf(value, problems);
    problems.list.forEach(report);
    return document === undefined ? [] : [{ file, locate, ...document }];
  });
}

type Read = Pick<FolderDocument, 'kind' | 'objects'>;

/** Undefined: what it is could not be told; the problems say why. */
function documentOf(value: JsonValue, problems: Problems): Read | undefined {
  if (!isJsonObject(value)) {
    objectOf(value, [], 'the document', ['apiVersion', 'kind'], problems);
    return undefined;
  }
  const kind = Object.hasOwn(value, 'kind') ? kindNamed(value.kind) : undefined;
  if (kind === undefined && Object.hasOwn(value, 'kind')) {
    const known = KINDS.map((each) => each.kind).join(', ');
    problems.add(
      ['kind'],
      'bad_kind',
      `${JSON.stringify(value.kind)} is not a kind known here`,
      `Write one of ${known}.`,
    );
    return undefined;
  }
  if (kind === undefined || kind.form === 'own' || kind.form === 'own_single')
    return ownDocument(value, kind, problems);
  const head = ['apiVersion', 'kind', ...(kind.form === 'spec' ? ['metadata'] : []), kind.field];
  if (objectOf(value, [], 'the document', head, problems) === undefined || !problems.none) return undefined;
  if (value.apiVersion !== API_VERSION)
    problems.add(
      ['apiVersion'],
      'bad_version',
      'the apiVersion is not known here',
      `Write apiVersion: ${API_VERSION}.`,
    );
  const body = Object.hasOwn(value, kind.field) ? value[kind.field] : undefined;
  if (!isJsonObject(body)) {
    problems.add([kind.field], 'type', `${kind.field} must be a map`, `Write ${kind.field}: and the fields below it.`);
    return undefined;
  }
  if (kind.form === 'map') {
    const objects = Object.entries(body).map(([name, item]) => ({
      type: kind.type,
      name,
      document: fromMapValue(kind, item),
      at: [kind.field, name],
    }));
    return { kind, objects };
  }
  const name = kind.form === 'spec' ? nameOf(value, problems) : SINGLE;
  return name === undefined
    ? undefined
    : { kind, objects: [{ type: kind.type, name, document: body, at: [kind.field] }] };
}

function nameOf(value: JsonObject, problems: Problems): string | undefined {
  const metadata = objectOf(value.metadata, ['metadata'], 'metadata', ['name'], problems);
  if (metadata === undefined) return undefined;
  const name = Object.hasOwn(metadata, 'name') ? metadata.name : undefined;
  if (typeof name === 'string' && name !== '') return name;
  problems.add(['metadata', 'name'], 'no_name', 'the document has no name', 'Write metadata: { name: … }.');
  return undefined;
}

/** A file that `role apply` and the like take, too: checked here, so that every problem of the folder is told at once. */
function ownDocument(value: JsonObject, given: Kind | undefined, problems: Problems): Read | undefined {
  const read = readPolicyDocument(value, [], problems);
  const kind = given ?? kindNamed(read?.kind);
  if (read === undefined || kind === undefined) return undefined;
  switch (read.kind) {
    // What is sent of a capability is its file, as it was checked.
    case 'Capability':
      return one(kind, read.capability.name, value);
    case 'WorkspaceGuards':
      return one(kind, SINGLE, plain({ guards: read.guards }));
    case 'Sources':
      return one(kind, SINGLE, plain(read));
    default:
      return one(kind, read.metadata.name, plain(read));
  }
}

/** Without what is undefined. */
function plain(value: object): JsonValue {
  const document: JsonValue = JSON.parse(JSON.stringify(value));
  return document;
}

const one = (kind: Kind, name: string, document: JsonValue): Read => ({
  kind,
  objects: [{ type: kind.type, name, document, at: [] }],
});

/** An object that two documents give has no one meaning. */
function repeatedObjects(documents: readonly FolderDocument[]): FileProblem[] {
  const first = new Map<string, string>();
  return documents.flatMap(({ file, locate, objects }) =>
    objects.flatMap((object) => {
      const key = keyOf(object);
      const before = first.get(key);
      const place = locate(object.at);
      if (before === undefined) {
        first.set(key, place === undefined ? file : `${file}:${place.line}`);
        return [];
      }
      const message = `${wordsOf(object)} is in ${before}, too`;
      return [{ file, code: 'duplicate', message, remedy: 'Keep one of the two.', path: '', ...place }];
    }),
  );
}

/** What the folder says, in a fixed order. */
export function objectsOf(folder: PolicyFolder): FileObject[] {
  return folder.documents
    .flatMap(({ objects }) => objects.map(({ type, name, document }) => ({ type, name, document })))
    .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}
