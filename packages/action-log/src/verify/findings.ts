/** A bounded list of defects: an attacker decides how many there are. */
import type { Finding, FindingCode } from '../records.ts';

const MAX_FATAL = 100;
/** So that what is not fatal never takes the place of what is. */
const MAX_NOTES = 20;

export class Findings {
  readonly #list: Finding[] = [];
  #leftOut = 0;
  #fatal = 0;

  fatal(code: FindingCode, place: string, message: string): void {
    this.#add({ code, place, message, fatal: true });
  }

  note(code: FindingCode, place: string, message: string): void {
    this.#add({ code, place, message, fatal: false });
  }

  addAll({ list, leftOut }: FoundDefects): void {
    for (const finding of list) this.#add(finding);
    this.#leftOut += leftOut;
  }

  get hasFatal(): boolean {
    return this.#fatal > 0;
  }

  get found(): FoundDefects {
    return { list: this.#list, leftOut: this.#leftOut };
  }

  #add(finding: Finding): void {
    const hasRoom = finding.fatal ? this.#fatal < MAX_FATAL : this.#list.length - this.#fatal < MAX_NOTES;
    if (!hasRoom) this.#leftOut += 1;
    else {
      this.#list.push(finding);
      if (finding.fatal) this.#fatal += 1;
    }
  }
}

export interface FoundDefects {
  readonly list: readonly Finding[];
  /** How many more there are. */
  readonly leftOut: number;
}
