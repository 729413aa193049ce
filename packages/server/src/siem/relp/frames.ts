/** Frames of RELP 1: `txnr SP command SP datalen [SP data] LF`. */

export interface Frame {
  readonly transaction: number;
  readonly command: string;
  readonly data: Buffer;
}

export const HIGHEST_TRANSACTION = 999_999_999;
/** Answers are short; what says otherwise is no RELP. */
const MAX_DATA_BYTES = 65_536;
const MAX_HEAD_BYTES = 64;
const SPACE = 0x20;
const LF = 0x0a;

export function frame(transaction: number, command: string, data: Buffer): Buffer {
  const head = `${transaction} ${command} ${data.length}`;
  return data.length === 0
    ? Buffer.from(`${head}\n`)
    : Buffer.concat([Buffer.from(`${head} `), data, Buffer.from('\n')]);
}

/** Reads frames from bytes as they come. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /** Undefined: this is no RELP, and nothing after it can be read. */
  read(bytes: Buffer): readonly Frame[] | undefined {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const frames: Frame[] = [];
    for (;;) {
      const next = firstFrame(this.#rest);
      if (next === 'incomplete') return frames;
      if (next === 'broken') return undefined;
      frames.push(next.frame);
      this.#rest = this.#rest.subarray(next.length);
    }
  }
}

function firstFrame(bytes: Buffer): { readonly frame: Frame; readonly length: number } | 'incomplete' | 'broken' {
  const head = bytes.subarray(0, MAX_HEAD_BYTES).toString('latin1');
  const match = /^(\d{1,9}) ([A-Za-z]{1,32}) (\d{1,9})([ \n])/.exec(head);
  if (match === null) return bytes.length < MAX_HEAD_BYTES && isBeginning(head) ? 'incomplete' : 'broken';
  const [whole, transaction, command = '', digits, delimiter] = match;
  const length = Number(digits);
  if (length > MAX_DATA_BYTES) return 'broken';
  // Without data there is no space before the end of the line; some write one all the same.
  const start = delimiter === ' ' ? whole.length : whole.length - 1;
  const end = start + length;
  if (length > 0 && bytes[start - 1] !== SPACE) return 'broken';
  if (bytes.length <= end) return 'incomplete';
  if (bytes[end] !== LF) return 'broken';
  return { frame: { transaction: Number(transaction), command, data: bytes.subarray(start, end) }, length: end + 1 };
}

function isBeginning(head: string): boolean {
  return /^(?:\d{0,9}|\d{1,9} [A-Za-z]{0,32}|\d{1,9} [A-Za-z]{1,32} \d{0,9})$/.test(head);
}
