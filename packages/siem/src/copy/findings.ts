/** Defects of a copy, each with its place. A bounded list: an attacker decides how many there are. */

export type CopyFindingCode =
  /** The exact record is not the one that its entry hash is of. */
  | 'entry_edited'
  /** The fields beside the exact record say something else than the record does. */
  | 'fields_altered'
  /** The link of an entry is not made of its hashes, or not of the link before it in its shard. */
  | 'link_broken'
  | 'entry_missing'
  /** An entry under another number than it has in the log, or than its shard allows. */
  | 'entry_reordered'
  /** The log and the copy have different entries under one number. */
  | 'entry_differs'
  /** One number, or one place in a shard, with two contents. */
  | 'entry_contradicted'
  /** The entries are not those whose root was signed. */
  | 'root_mismatch'
  | 'checkpoint_altered'
  /** Not fatal: a checkpoint between others is not in the copy. */
  | 'checkpoint_missing'
  | 'signature_invalid'
  | 'key_unknown'
  /** Two signed checkpoints of one size differ. */
  | 'fork'
  /** There are fewer entries of a kind than a checkpoint counts. */
  | 'count_mismatch'
  /** A checkpoint says that more was sent than the copy ends with. */
  | 'tail_cut'
  /** The copy, or a checkpoint in it, covers more than the log has. */
  | 'log_tail_cut'
  /** What was signed could not be compared with the entries. */
  | 'not_compared'
  | 'nothing_read'
  | 'unreadable'
  /** Not fatal: newer entries of the log may still be on their way. */
  | 'not_yet_arrived';

export interface CopyFinding {
  readonly code: CopyFindingCode;
  readonly place: string;
  readonly message: string;
  readonly fatal: boolean;
}

const MAX_FATAL = 100;
/** So that what is not fatal never takes the place of what is. */
const MAX_NOTES = 20;

export class CopyFindings {
  readonly #list: CopyFinding[] = [];
  #fatal = 0;
  #leftOut = 0;

  fatal(code: CopyFindingCode, place: string, message: string): void {
    this.#fatal += 1;
    if (this.#fatal > MAX_FATAL) this.#leftOut += 1;
    else this.#list.push({ code, place, message, fatal: true });
  }

  note(code: CopyFindingCode, place: string, message: string): void {
    if (this.#list.filter(({ fatal }) => !fatal).length >= MAX_NOTES) this.#leftOut += 1;
    else this.#list.push({ code, place, message, fatal: false });
  }

  get list(): readonly CopyFinding[] {
    return this.#list;
  }

  get leftOut(): number {
    return this.#leftOut;
  }

  get hasFatal(): boolean {
    return this.#fatal > 0;
  }
}
