/** Text values of Sigma: `*` and `?` are wildcards unless escaped, and case does not count unless `cased` says so. */

/** A value taken apart: text, and places that stand for any one character or any run of them. */
export type Piece = string | { readonly any: 'one' | 'run' };

/** `\*`, `\?` and `\\` before a wildcard or another backslash stand for the character; any other backslash for itself. */
export function piecesOf(value: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let text = '';
  const put = (piece: Piece) => {
    if (text !== '') pieces.push(text);
    text = '';
    pieces.push(piece);
  };
  for (let i = 0; i < value.length; i += 1) {
    const character = value.charAt(i);
    const next = value.charAt(i + 1);
    if (character === '\\' && (next === '*' || next === '?' || next === '\\')) {
      text += next;
      i += 1;
    } else if (character === '*') put({ any: 'run' });
    else if (character === '?') put({ any: 'one' });
    else text += character;
  }
  if (text !== '') pieces.push(text);
  return pieces;
}

export function hasWildcard(pieces: readonly Piece[]): boolean {
  return pieces.some((piece) => typeof piece !== 'string');
}

export type TextTest = (text: string) => boolean;

/** The whole text must fit. Linear in text × pattern at worst: no backtracking over more than the last run. */
export function compilePieces(pieces: readonly Piece[], cased: boolean): TextTest {
  const fold = (text: string) => (cased ? text : text.toLowerCase());
  const folded = pieces.map((piece) => (typeof piece === 'string' ? fold(piece) : piece));
  const simple = simpleTest(folded);
  const test = simple ?? wildcardTest(folded);
  return cased ? test : (text) => test(text.toLowerCase());
}

/** The four shapes that nearly all values have. */
function simpleTest(pieces: readonly Piece[]): TextTest | undefined {
  const [a = '', b, c] = pieces;
  const isRun = (piece: Piece | undefined) => typeof piece === 'object' && piece.any === 'run';
  if (pieces.length === 1 && isRun(a)) return () => true;
  if (pieces.length <= 1 && typeof a === 'string') return (text) => text === a;
  if (pieces.length === 2 && typeof a === 'string' && isRun(b)) return (text) => text.startsWith(a);
  if (pieces.length === 2 && isRun(a) && typeof b === 'string') return (text) => text.endsWith(b);
  if (pieces.length === 3 && isRun(a) && typeof b === 'string' && isRun(c)) return (text) => text.includes(b);
  return undefined;
}

function wildcardTest(pieces: readonly Piece[]): TextTest {
  // One character of the pattern an item; undefined any one, null any run.
  const pattern = pieces.flatMap<string | null | undefined>((piece) =>
    typeof piece === 'string' ? [...piece] : [piece.any === 'run' ? null : undefined],
  );
  return (subject) => {
    const text = [...subject];
    let at = 0;
    let in_ = 0;
    let runAt = -1;
    let runIn = 0;
    while (in_ < text.length) {
      const wanted = pattern[at];
      if (at < pattern.length && wanted === null) {
        runAt = at;
        runIn = in_;
        at += 1;
      } else if (at < pattern.length && (wanted === undefined || wanted === text[in_])) {
        at += 1;
        in_ += 1;
      } else if (runAt >= 0) {
        at = runAt + 1;
        runIn += 1;
        in_ = runIn;
      } else return false;
    }
    while (at < pattern.length && pattern[at] === null) at += 1;
    return at === pattern.length;
  };
}
