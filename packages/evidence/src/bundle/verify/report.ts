/** What was found wrong with a bundle. The codes are those of the scripts in `scripts/`. */

export type BundleDefectCode =
  | 'fingerprint_missing'
  | 'key_missing'
  | 'key_malformed'
  | 'key_differs'
  | 'keys_disagree'
  | 'manifest_missing'
  | 'manifest_malformed'
  | 'signature_missing'
  | 'signature_invalid'
  | 'statement_missing'
  | 'statement_invalid'
  | 'timestamp_missing'
  | 'timestamp_invalid'
  | 'file_missing'
  | 'file_changed'
  | 'file_extra'
  | 'file_irregular'
  | 'ipe_missing'
  | 'ipe_malformed'
  | 'ipe_digest'
  | 'ipe_rows'
  | 'index_missing'
  | 'index_malformed'
  | 'index_gap'
  | 'index_broken'
  | 'index_cut'
  | 'index_root'
  | 'entry_missing'
  | 'entry_unknown'
  | 'log_unverified'
  /** Something in the bundle broke a check: then it has not passed it. */
  | 'check_failed';

export interface BundleDefect {
  readonly code: BundleDefectCode;
  /** File, or file and entry. */
  readonly place: string;
  readonly message: string;
}

/** Of hostile bundles the first are listed; how many more there are is counted. */
const MAX_DEFECTS = 200;

export class Defects {
  readonly #list: BundleDefect[] = [];
  #count = 0;

  add(code: BundleDefectCode, place: string, message: string): void {
    this.#count += 1;
    if (this.#list.length < MAX_DEFECTS) this.#list.push({ code, place, message });
  }

  get list(): readonly BundleDefect[] {
    return this.#list;
  }

  get count(): number {
    return this.#count;
  }
}
