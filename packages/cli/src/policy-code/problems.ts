/** Problems of a folder, each with its file, line and column. */
import type { DocumentPath } from '@hivekey/policy';
import type { Problem } from '@hivekey/sdk';
import { UsageError } from '../exit.ts';
import { printable } from '../output.ts';
import { type FileObject, keyOf } from './kinds.ts';
import type { FileProblem, PolicyFolder } from './read-folder.ts';

/** The folder cannot be used as it is. */
export class FolderError extends UsageError {
  constructor(folder: string, problems: readonly FileProblem[]) {
    const lines = problems.map(({ file, line, column, message, remedy }) => {
      const place = file === '' ? '' : `${file}${line === undefined ? '' : `:${line}:${column ?? 1}`} `;
      return `  ${printable(`${place}${message}. ${remedy}`)}`;
    });
    super(`${folder} cannot be used.`, lines.join('\n'));
  }
}

/** What the server says of `objects[3].document.guards[0].when`, at the place in the file that it came from. */
export function placed(problems: readonly Problem[], folder: PolicyFolder, sent: readonly FileObject[]): FileProblem[] {
  return problems.map(({ code, message, remedy = '', path = '' }): FileProblem => {
    const [list, index, part, ...rest] = pathOf(path);
    const object = list === 'objects' && typeof index === 'number' ? sent[index] : undefined;
    const said = { code, message, remedy, path };
    if (object === undefined) return { ...said, file: '' };
    for (const { file, locate, objects } of folder.documents) {
      const found = objects.find((each) => keyOf(each) === keyOf(object));
      if (found !== undefined) return { ...said, file, ...locate([...found.at, ...(part === 'document' ? rest : [])]) };
    }
    return { ...said, file: '' };
  });
}

/** `objects[3].document` → `['objects', 3, 'document']` */
function pathOf(text: string): DocumentPath {
  return [...text.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map(([, index, name]) =>
    index === undefined ? (name ?? '') : Number(index),
  );
}
