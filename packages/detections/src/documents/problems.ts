/** Problems of rule files, each with its place, so that all can be told at once. */

/** Keys and indices from the root of a document. */
export type DocumentPath = readonly (string | number)[];

/** Counted from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface RuleProblem extends Place {
  readonly file: string;
  /** Stable, such as `unknown_field`. */
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  /** `correlation.group-by[0]`. */
  readonly path: string;
}

/** More than this helps nobody. */
const MAX_PROBLEMS = 100;

/** Collects the problems of one document. */
export class Problems {
  readonly #file: string;
  readonly #locate: (path: DocumentPath) => Place;
  readonly #list: RuleProblem[] = [];

  constructor(file: string, locate: (path: DocumentPath) => Place) {
    this.#file = file;
    this.#locate = locate;
  }

  add(path: DocumentPath, code: string, message: string, remedy: string): void {
    if (this.#list.length < MAX_PROBLEMS)
      this.#list.push({ file: this.#file, code, message, remedy, path: pathText(path), ...this.#locate(path) });
  }

  get list(): readonly RuleProblem[] {
    return this.#list;
  }
}

function pathText(path: DocumentPath): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}

/** As it may stand in a message: bounded, and with what is not printable ASCII written out. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  const cut = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return cut.replaceAll(/[^\x20-\x7e…]/gu, (found) => `\\u{${(found.codePointAt(0) ?? 0).toString(16)}}`);
}
