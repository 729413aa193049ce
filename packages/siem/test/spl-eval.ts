/** The part of Splunk's eval language that the add-on is written in, to see what it gives for an event. */

type Value = string | number | boolean | null;
export type SplunkFields = Readonly<Record<string, Value>>;

/** Fields as automatic extraction of JSON gives them: `a.b`, and `a{}.b` of lists (the first value stands for all). */
export function splunkFields(document: object): SplunkFields {
  const fields: Record<string, Value> = {};
  const walk = (value: unknown, path: string): void => {
    if (Array.isArray(value)) for (const each of value) walk(each, `${path}{}`);
    else if (typeof value === 'object' && value !== null)
      for (const [name, each] of Object.entries(value)) walk(each, path === '' ? name : `${path}.${name}`);
    else if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      fields[path] ??= value;
  };
  walk(document, '');
  return fields;
}

const TOKEN = /\s*(?:("(?:[^"\\]|\\.)*")|'([^']+)'|(\d+(?:\.\d+)?)|([A-Za-z_][A-Za-z0-9_]*)|(!=|[=().,]))/y;

type Token = { readonly kind: 'text' | 'field' | 'number' | 'word' | 'sign'; readonly text: string };

function tokensOf(expression: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < expression.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(expression);
    if (match === null) throw new Error(`no eval expression from ${at}: ${expression.slice(at, at + 30)}`);
    const [, text, field, number, word, sign] = match;
    if (text !== undefined) tokens.push({ kind: 'text', text: text.slice(1, -1) });
    else if (field !== undefined) tokens.push({ kind: 'field', text: field });
    else if (number !== undefined) tokens.push({ kind: 'number', text: number });
    else if (word !== undefined) tokens.push({ kind: 'word', text: word });
    else tokens.push({ kind: 'sign', text: sign ?? '' });
  }
  return tokens;
}

/** Throws what is no expression. `used` collects the names of fields. */
export function splEval(expression: string, fields: SplunkFields, used: Set<string> = new Set()): Value {
  const tokens = tokensOf(expression);
  let at = 0;
  const take = (text: string): boolean => {
    if (tokens[at]?.kind !== 'sign' || tokens[at]?.text !== text) return false;
    at += 1;
    return true;
  };
  const need = (text: string): void => {
    if (!take(text)) throw new Error(`${text} is expected before ${tokens[at]?.text ?? 'the end'}`);
  };
  const field = (name: string): Value => {
    used.add(name);
    return fields[name] ?? null;
  };
  const args = (): Value[] => {
    const values: Value[] = [];
    need('(');
    if (take(')')) return values;
    do values.push(comparison());
    while (take(','));
    need(')');
    return values;
  };
  const primary = (): Value => {
    const token = tokens[at];
    at += 1;
    if (token === undefined) throw new Error('the expression ends early');
    if (token.kind === 'text') return token.text;
    if (token.kind === 'number') return Number(token.text);
    if (token.kind === 'field') return field(token.text);
    if (token.kind === 'word')
      return tokens[at]?.kind === 'sign' && tokens[at]?.text === '(' ? call(token.text, args()) : field(token.text);
    at -= 1;
    need('(');
    const value = comparison();
    need(')');
    return value;
  };
  const joined = (): Value => {
    let value = primary();
    while (take('.')) {
      const right = primary();
      value = value === null || right === null ? null : `${value}${right}`;
    }
    return value;
  };
  function comparison(): Value {
    const left = joined();
    if (take('=')) return same(left, joined());
    if (take('!=')) return !same(left, joined());
    return left;
  }
  const value = comparison();
  if (at !== tokens.length) throw new Error(`the expression goes on with ${tokens[at]?.text}`);
  return value;
}

/** A comparison with what is not there holds never. */
function same(a: Value, b: Value): boolean {
  return a !== null && b !== null && String(a) === String(b);
}

function call(name: string, values: readonly Value[]): Value {
  switch (name) {
    case 'true':
      return true;
    case 'coalesce':
      return values.find((value) => value !== null) ?? null;
    case 'like': {
      const [text, pattern] = values;
      if (typeof text !== 'string' || typeof pattern !== 'string' || !pattern.endsWith('%')) return false;
      return text.startsWith(pattern.slice(0, -1));
    }
    case 'case': {
      if (values.length % 2 !== 0) throw new Error('case takes pairs');
      for (let i = 0; i < values.length; i += 2) if (values[i] === true) return values[i + 1] ?? null;
      return null;
    }
    default:
      throw new Error(`${name} is no function that is known here`);
  }
}
