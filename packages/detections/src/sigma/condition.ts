/** `selection and not 1 of filter*`: the condition of a Sigma rule, from text to a tree. */

export type Condition =
  | { readonly op: 'is'; readonly name: string }
  | { readonly op: 'not'; readonly of: Condition }
  | { readonly op: 'and' | 'or'; readonly of: readonly Condition[] };

export class BadCondition extends Error {}

const MAX_TOKENS = 500;
const TOKEN = /\s*([()]|[^\s()]+)/y;

/** Throws {@link BadCondition} with a sentence that says what is wrong. `names` are the search identifiers of the detection. */
export function parseCondition(text: string, names: readonly string[]): Condition {
  const tokens = tokensOf(text);
  let at = 0;
  const peek = () => tokens[at]?.toLowerCase();
  const next = () => {
    const token = tokens[at];
    if (token === undefined) throw new BadCondition('the condition ends too early');
    at += 1;
    return token;
  };

  const operands = (op: 'and' | 'or', part: () => Condition): Condition => {
    const first = part();
    const of = [first];
    while (peek() === op) {
      at += 1;
      of.push(part());
    }
    return of.length === 1 ? first : { op, of };
  };
  const or = (): Condition => operands('or', and);
  const and = (): Condition => operands('and', not);
  const not = (): Condition => {
    if (peek() !== 'not') return primary();
    at += 1;
    return { op: 'not', of: not() };
  };
  const primary = (): Condition => {
    const token = next();
    if (token === '(') {
      const inside = or();
      if (tokens[at] !== ')') throw new BadCondition('a parenthesis is not closed');
      at += 1;
      return inside;
    }
    const word = token.toLowerCase();
    if ((word === '1' || word === 'any' || word === 'all') && peek() === 'of') {
      at += 1;
      const pattern = next();
      const of = chosen(pattern, names).map((name): Condition => ({ op: 'is', name }));
      const [first] = of;
      if (first === undefined) throw new BadCondition(`"of ${pattern}" names no search identifier`);
      return of.length === 1 ? first : { op: word === 'all' ? 'and' : 'or', of };
    }
    if (token === ')' || word === 'and' || word === 'or' || word === 'of')
      throw new BadCondition(`"${token}" stands where a search identifier should`);
    if (!names.includes(token)) throw new BadCondition(`"${token}" is no search identifier of this detection`);
    return { op: 'is', name: token };
  };

  const condition = or();
  if (at < tokens.length) throw new BadCondition(`"${tokens[at]}" is one word too many`);
  return condition;
}

function tokensOf(text: string): readonly string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  for (let found = TOKEN.exec(text); found !== null; found = TOKEN.exec(text)) tokens.push(found[1] ?? '');
  if (tokens.length === 0) throw new BadCondition('the condition is empty');
  if (tokens.length > MAX_TOKENS) throw new BadCondition(`the condition has more than ${MAX_TOKENS} words`);
  return tokens;
}

/** `them` and patterns leave out names that begin with an underscore, unless the pattern begins with one. */
function chosen(pattern: string, names: readonly string[]): readonly string[] {
  if (pattern.toLowerCase() === 'them') return names.filter((name) => !name.startsWith('_'));
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const wanted = new RegExp(`^${parts.join('.*')}$`);
  return names.filter((name) => wanted.test(name) && (pattern.startsWith('_') || !name.startsWith('_')));
}
