/**
 * Filters of RFC 7644 section 3.4.2.2 and the paths of PATCH (section 3.5.2): tokens, then recursive descent. Nothing is
 * tried twice, so that the work grows with the length alone. Everything named is looked up in the resource type. Pure.
 */
import { invalidFilter, type ScimFailure } from './failure.ts';
import { type Reference, type ResourceType, resolve, type Schema, subAttributeOf } from './schema.ts';

export type Operator = 'eq' | 'ne' | 'co' | 'sw' | 'ew' | 'gt' | 'ge' | 'lt' | 'le';
type Comparand = string | number | boolean | null;

export type Filter =
  | { readonly kind: 'and' | 'or'; readonly filters: readonly Filter[] }
  | { readonly kind: 'not'; readonly filter: Filter }
  | { readonly kind: 'present'; readonly at: Reference }
  | { readonly kind: 'compare'; readonly at: Reference; readonly operator: Operator; readonly value: Comparand }
  /** One value of a multi-valued attribute fits all of it. */
  | { readonly kind: 'some'; readonly at: Reference; readonly filter: Filter };

export type Path =
  | { readonly kind: 'extension'; readonly extension: Schema }
  | { readonly kind: 'attribute'; readonly at: Reference; readonly filter: Filter | undefined };

/** Checked before and while a filter is read. */
export const FILTER_LIMITS = { bytes: 4096, depth: 16, terms: 32 } as const;

type Refusal = (detail: string) => ScimFailure;

type Token =
  | { readonly kind: 'mark'; readonly text: '(' | ')' | '[' | ']' }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'word'; readonly text: string };

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const LITERALS: ReadonlyMap<string, boolean | null> = new Map([
  ['true', true],
  ['false', false],
  ['null', null],
]);
const OPERATORS: ReadonlySet<string> = new Set<Operator>(['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le']);
const OF_TEXT: ReadonlySet<Operator> = new Set(['co', 'sw', 'ew']);

function isOperator(text: string): text is Operator {
  return OPERATORS.has(text);
}

function isMark(text: string): text is '(' | ')' | '[' | ']' {
  return text === '(' || text === ')' || text === '[' || text === ']';
}

function tokensOf(text: string, refuse: Refusal): readonly Token[] {
  if (Buffer.byteLength(text) > FILTER_LIMITS.bytes) throw refuse(`It is longer than ${FILTER_LIMITS.bytes} bytes.`);
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text.charAt(at);
    if (char === ' ') {
      at += 1;
    } else if (isMark(char)) {
      tokens.push({ kind: 'mark', text: char });
      at += 1;
    } else if (char === '"') {
      const end = endOfString(text, at);
      tokens.push({ kind: 'string', text: stringOf(text.slice(at, end), refuse) });
      at = end;
    } else {
      const start = at;
      while (at < text.length && !' ()[]"'.includes(text.charAt(at))) at += 1;
      tokens.push({ kind: 'word', text: text.slice(start, at) });
    }
  }
  return tokens;
}

/** Behind the closing quote; behind the text where there is none. */
function endOfString(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char === '\\') at += 1;
    else if (char === '"') return at + 1;
  }
  return text.length + 1;
}

function stringOf(quoted: string, refuse: Refusal): string {
  try {
    const value: unknown = JSON.parse(quoted);
    if (typeof value === 'string' && value.isWellFormed() && !value.includes('\0')) return value;
  } catch {
    // Refused below.
  }
  throw refuse('A string of it is not closed or not valid JSON.');
}

/** Throws `invalidFilter`. */
export function parseFilter(type: ResourceType, text: string): Filter {
  const parser = new Parser(type, tokensOf(text, invalidFilter), invalidFilter);
  const filter = parser.filter();
  parser.end();
  return filter;
}

/** A path of PATCH. Throws what `refuse` makes. */
export function parsePath(type: ResourceType, text: string, refuse: Refusal): Path {
  const parser = new Parser(type, tokensOf(text, refuse), refuse);
  const path = parser.path();
  parser.end();
  return path;
}

class Parser {
  readonly #type: ResourceType;
  readonly #tokens: readonly Token[];
  readonly #refuse: Refusal;
  #at = 0;
  #depth = 0;
  #terms = 0;
  /** Inside of brackets: the attribute whose values are filtered. */
  #within: Reference | undefined;

  constructor(type: ResourceType, tokens: readonly Token[], refuse: Refusal) {
    this.#type = type;
    this.#tokens = tokens;
    this.#refuse = refuse;
  }

  filter(): Filter {
    return this.#joined('or', () => this.#joined('and', () => this.#term()));
  }

  path(): Path {
    const name = this.#word('It begins with no attribute.');
    const found = resolve(this.#type, name);
    if (found === undefined) throw this.#refuse(`${this.#type.name} has no attribute ${name}.`);
    if ('extension' in found) return { kind: 'extension', extension: found.extension };
    const filter = this.#takes('[') ? this.#inBrackets(found) : undefined;
    const sub = this.#peek();
    if (filter === undefined || sub?.kind !== 'word') return { kind: 'attribute', at: found, filter };
    this.#at += 1;
    return { kind: 'attribute', at: this.#part(found, sub.text), filter };
  }

  end(): void {
    if (this.#at < this.#tokens.length) throw this.#refuse('Something follows where it should end.');
  }

  #joined(kind: 'and' | 'or', next: () => Filter): Filter {
    const first = next();
    const filters = [first];
    while (this.#takes(kind)) filters.push(next());
    return filters.length === 1 ? first : { kind, filters };
  }

  #term(): Filter {
    if (this.#takes('not')) {
      if (!this.#takes('(')) throw this.#refuse('"not" is followed by no parenthesis.');
      return { kind: 'not', filter: this.#inParentheses() };
    }
    if (this.#takes('(')) return this.#inParentheses();
    this.#terms += 1;
    if (this.#terms > FILTER_LIMITS.terms) throw this.#refuse(`It has more than ${FILTER_LIMITS.terms} terms.`);
    const at = this.#reference(this.#word('An attribute is missing.'));
    if (this.#within !== undefined || !this.#takes('[')) return this.#comparison(at);
    const filter = this.#inBrackets(at);
    const sub = this.#peek();
    if (sub?.kind !== 'word' || !sub.text.startsWith('.')) return { kind: 'some', at, filter };
    // Microsoft Entra writes `emails[type eq "work"].value eq "x"`.
    this.#at += 1;
    return { kind: 'some', at, filter: { kind: 'and', filters: [filter, this.#comparison(this.#part(at, sub.text))] } };
  }

  #inParentheses(): Filter {
    this.#deeper();
    const filter = this.filter();
    if (!this.#takes(')')) throw this.#refuse('A parenthesis is not closed.');
    this.#depth -= 1;
    return filter;
  }

  #inBrackets(at: Reference): Filter {
    if (!at.attribute.multiValued || at.sub !== undefined)
      throw this.#refuse(`${at.attribute.name} does not have several values.`);
    this.#deeper();
    this.#within = at;
    const filter = this.filter();
    this.#within = undefined;
    if (!this.#takes(']')) throw this.#refuse('A bracket is not closed.');
    this.#depth -= 1;
    return filter;
  }

  #deeper(): void {
    this.#depth += 1;
    if (this.#depth > FILTER_LIMITS.depth) throw this.#refuse(`It is nested deeper than ${FILTER_LIMITS.depth}.`);
  }

  #reference(name: string): Reference {
    if (this.#within !== undefined) return this.#part(this.#within, `.${name}`);
    const found = resolve(this.#type, name);
    if (found === undefined || 'extension' in found) throw this.#refuse(`${this.#type.name} has no attribute ${name}.`);
    return found;
  }

  #part(at: Reference, dotted: string): Reference {
    const sub = dotted.startsWith('.') ? subAttributeOf(at.attribute, dotted.slice(1)) : undefined;
    if (sub === undefined) throw this.#refuse(`${at.attribute.name} has no part ${dotted.replace(/^\./, '')}.`);
    return { ...at, sub };
  }

  #comparison(at: Reference): Filter {
    const word = this.#word('An operator is missing.');
    const operator = word.toLowerCase();
    if (operator === 'pr') return { kind: 'present', at };
    if (!isOperator(operator)) throw this.#refuse(`${word} is no operator.`);
    return this.#checked({ kind: 'compare', at: this.#compared(at), operator, value: this.#value() });
  }

  /** What is compared where a complex attribute is named alone: its `value` (RFC 7643 section 2.4). */
  #compared(at: Reference): Reference {
    if (at.attribute.type !== 'complex' || at.sub !== undefined) return at;
    return this.#part(at, '.value');
  }

  #checked(filter: Extract<Filter, { kind: 'compare' }>): Filter {
    const { at, operator, value } = filter;
    const { name, type } = at.sub ?? at.attribute;
    const fits =
      value === null
        ? operator === 'eq' || operator === 'ne'
        : type === 'boolean'
          ? typeof value === 'boolean' && (operator === 'eq' || operator === 'ne')
          : type === 'integer'
            ? typeof value === 'number' && !OF_TEXT.has(operator)
            : type === 'dateTime'
              ? typeof value === 'string' && !Number.isNaN(Date.parse(value)) && !OF_TEXT.has(operator)
              : typeof value === 'string';
    if (fits) return filter;
    throw this.#refuse(`${name} cannot be compared so: it is of type ${type}.`);
  }

  #value(): Comparand {
    const token = this.#tokens[this.#at];
    this.#at += 1;
    if (token?.kind === 'string') return token.text;
    const text = token?.kind === 'word' ? token.text : '';
    const literal = LITERALS.get(text.toLowerCase());
    if (literal !== undefined) return literal;
    if (NUMBER.test(text)) return Number(text);
    throw this.#refuse('A value to compare with is missing.');
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#at];
  }

  #word(complaint: string): string {
    const token = this.#peek();
    if (token?.kind !== 'word') throw this.#refuse(complaint);
    this.#at += 1;
    return token.text;
  }

  /** Takes the next token if it is this mark or word. */
  #takes(text: string): boolean {
    const token = this.#peek();
    if (token === undefined || token.kind === 'string' || token.text.toLowerCase() !== text) return false;
    this.#at += 1;
    return true;
  }
}
