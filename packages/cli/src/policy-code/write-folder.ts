/** Live objects as files: those of a folder that say the same already stay as they are, with their comments. */
import { type FileObject, KINDS, keyOf, kindOfType, SINGLE } from './kinds.ts';
import type { FolderDocument, PolicyFolder } from './read-folder.ts';
import { documentText } from './yaml.ts';

/** What to do with a file, relative to the folder; null: it has nothing in it any more. */
export type FileChange = readonly [file: string, text: string | null];

/**
 * Files that make the folder say what is live. `differing` are the keys of objects that do not say the same in the folder and
 * live. A file is written anew as a whole: what it holds of objects that differ, as it is live; what is not live, not; the
 * rest, as it was.
 */
export function filesOf(
  live: readonly FileObject[],
  folder: Pick<PolicyFolder, 'documents' | 'files'> = { documents: [], files: [] },
  differing: ReadonlySet<string> = new Set(live.map(keyOf)),
): readonly FileChange[] {
  const liveByKey = new Map(live.map((object) => [keyOf(object), object]));
  const placed = new Set(folder.documents.flatMap(({ objects }) => objects.map(keyOf)));
  const added = live.filter((object) => !placed.has(keyOf(object)) && differing.has(keyOf(object)));
  const files = new Map<string, FolderDocument[]>();
  for (const document of folder.documents) files.set(document.file, [...(files.get(document.file) ?? []), document]);
  const homes = new Map<string, FileObject[]>();
  for (const object of added) {
    const home = homeOf(object, folder.documents, new Set([...folder.files, ...homes.keys()]));
    homes.set(home, [...(homes.get(home) ?? []), object]);
  }
  const changes: FileChange[] = [];
  for (const file of new Set([...files.keys(), ...homes.keys()])) {
    const documents = files.get(file) ?? [];
    const news = homes.get(file) ?? [];
    if (news.length === 0 && !documents.some(({ objects }) => objects.some((each) => differing.has(keyOf(each)))))
      continue;
    changes.push([file, fileText(documents, news, liveByKey, differing)]);
  }
  return changes.sort(([a], [b]) => (a < b ? -1 : 1));
}

function fileText(
  documents: readonly FolderDocument[],
  added: readonly FileObject[],
  live: ReadonlyMap<string, FileObject>,
  differing: ReadonlySet<string>,
): string | null {
  const waiting = new Map(Map.groupBy(added, ({ type }) => type));
  const texts = documents.flatMap(({ kind, objects }) => {
    const kept = objects.flatMap((object): FileObject[] => {
      const now = differing.has(keyOf(object)) ? live.get(keyOf(object)) : object;
      return now === undefined ? [] : [now];
    });
    if (kind.form !== 'map') return kept.length === 0 ? [] : [documentText(kind, kept)];
    const more = waiting.get(kind.type) ?? [];
    waiting.delete(kind.type);
    return [documentText(kind, byName([...kept, ...more]))];
  });
  for (const [type, objects] of waiting) {
    const kind = kindOfType(type);
    if (kind === undefined) continue;
    if (kind.form === 'map') texts.push(documentText(kind, byName(objects)));
    else texts.push(...byName(objects).map((object) => documentText(kind, [object])));
  }
  return texts.length === 0 ? null : texts.join('---\n');
}

const byName = (objects: readonly FileObject[]): readonly FileObject[] =>
  objects.toSorted((a, b) => (a.name < b.name ? -1 : 1));

/** Beside others of its kind where those share a document, else the file of its own. */
function homeOf(object: FileObject, documents: readonly FolderDocument[], taken: ReadonlySet<string>): string {
  const kind = kindOfType(object.type);
  if (kind === undefined) throw new Error(`objects of the type ${object.type} have no file`);
  if (kind.form === 'map') return documents.find((each) => each.kind.type === kind.type)?.file ?? kind.place;
  if (object.name === SINGLE) return kind.place;
  const stem = `${kind.place}/${fileNameOf(object.name)}`;
  for (let i = 1; ; i += 1) {
    const file = i === 1 ? `${stem}.yaml` : `${stem}-${i}.yaml`;
    if (![...taken].some((each) => each.toLowerCase() === file.toLowerCase())) return file;
  }
}

/** Names hold spaces and dots; file systems that know no case and no such characters still keep them apart. */
function fileNameOf(name: string): string {
  return (
    name
      .toLowerCase()
      .replaceAll(/[^a-z0-9._-]+/g, '-')
      .replace(/^[-.]+/, '') || 'unnamed'
  );
}

/** Kinds of which nobody but an author of policy adds any: what is live and not in a folder that was all of it, is an edit past it. */
const OWNED_AT_FIRST: ReadonlySet<string> = new Set(['Role', 'Capability', 'WorkspaceGuards', 'Freeze', 'Breaker']);

/** For the settings of a folder that has none yet. */
export function settingsText(types: readonly string[], url: string): string {
  const owns = KINDS.filter(({ kind, type }) => OWNED_AT_FIRST.has(kind) && types.includes(type));
  const lines = owns.map(({ kind }) => `  - ${kind}\n`);
  const head = `apiVersion: policy.hivekey.ai/v1\nkind: PolicyFolder\nurl: ${url}\n`;
  return `${head}owns:${lines.length === 0 ? ' []\n' : `\n${lines.join('')}`}`;
}
