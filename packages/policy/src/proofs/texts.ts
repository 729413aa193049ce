/**
 * What the engine says of one text, as terms. Where only some texts are understood exactly (ASCII, not too long), the
 * others may answer either way: each such choice is made once for a text, so that guards and question see the same.
 */
import { fold } from '../decide/condition.ts';
import {
  ANYTHING,
  anyCase,
  between,
  exactly,
  isExpressible,
  type Language,
  oneOf,
  optional,
  plus,
  sequence,
  star,
  times,
  union,
  without,
} from './languages.ts';
import { languageOf } from './pattern.ts';
import type { Script } from './script.ts';
import { and, equal, FALSE, implies, not, or, type Term, TRUE } from './smt.ts';
import { answered, type Truth } from './truth.ts';

export class Texts {
  readonly #script: Script;
  /** Texts beyond ASCII that something compares with. */
  readonly #constants: readonly string[];

  constructor(script: Script, constants: readonly string[]) {
    this.#script = script;
    this.#constants = constants.filter((each) => !PLAIN.test(each) && each !== '' && isExpressible(each));
  }

  /** Whether it is one of them; what may pass for one of them is neither in nor out. Undefined: not expressible. */
  isOneOf(term: Term, items: readonly string[]): Truth | undefined {
    const folded = [...new Set(items.map(fold))];
    if (![...items, ...folded].every(isExpressible)) return undefined;
    const isExact = or(items.map((item) => this.is(term, item)));
    const passes = or(folded.map((each) => this.#foldsTo(term, each)));
    return { holds: isExact, fails: and([not(isExact), not(passes)]) };
  }

  /** Whether case, width and invisible characters apart it is that text. */
  #foldsTo(term: Term, folded: string): Term {
    const [passes, isNew] = this.#choice(term, `passes for ${JSON.stringify(folded)}`);
    if (!isNew) return passes;
    const plain = this.#script.isOf(term, 'is plain', () => union([exactly(''), PLAIN_LANGUAGE]));
    const spelled =
      PLAIN.test(folded) || folded === ''
        ? this.#script.isOf(term, `is ${JSON.stringify(folded)} in any case`, () => anyCase(folded))
        : FALSE;
    this.#script.assert(implies(plain, equal(passes, spelled)));
    for (const constant of this.#constants)
      this.#script.assert(implies(this.is(term, constant), equal(passes, String(fold(constant) === folded))));
    this.#script.prefer(plain);
    return passes;
  }

  /** The text must be expressible. */
  is(term: Term, other: string): Term {
    return this.#script.isOf(term, `is ${JSON.stringify(other)}`, () => exactly(other));
  }

  startsWith(term: Term, start: string): Truth | undefined {
    return isExpressible(start) ? answered(TRUE, this.#begins(term, start)) : undefined;
  }

  #begins(term: Term, start: string): Term {
    return this.#script.isOf(term, `starts with ${JSON.stringify(start)}`, () => sequence([exactly(start), ANYTHING]));
  }

  endsWith(term: Term, end: string): Truth | undefined {
    if (!isExpressible(end)) return undefined;
    const says = `ends with ${JSON.stringify(end)}`;
    return answered(
      TRUE,
      this.#script.isOf(term, says, () => sequence([ANYTHING, exactly(end)])),
    );
  }

  contains(term: Term, part: string): Truth | undefined {
    if (!isExpressible(part)) return undefined;
    const says = `contains ${JSON.stringify(part)}`;
    return answered(
      TRUE,
      this.#script.isOf(term, says, () => sequence([ANYTHING, exactly(part), ANYTHING])),
    );
  }

  matches(term: Term, pattern: string): Truth | undefined {
    const language = languageOf(pattern);
    if (language === undefined) return undefined;
    const [isLong, isNew] = this.#choice(term, 'is too long to be matched');
    if (isNew) {
      // a character is one or two units of the length that the engine compares
      this.#script.assert(implies(not(this.#script.isWithin(term, 4_096)), isLong));
      this.#script.assert(implies(this.#script.isWithin(term, 2_048), not(isLong)));
    }
    return answered(
      not(isLong),
      this.#script.isOf(term, `matches ${JSON.stringify(pattern)}`, () => language),
    );
  }

  isUnder(term: Term, folders: readonly string[]): Truth | undefined {
    if (!folders.every(isExpressible)) return undefined;
    const under = folders.map((folder) => {
      const base = folder.endsWith('/') ? folder : `${folder}/`;
      return or([this.#begins(term, base), this.is(term, base.slice(0, -1))]);
    });
    return answered(this.#form(term, 'path', 2_048, CLEAN_PATH), or(under));
  }

  /** Of one address, host name or web address. */
  leadsTo(term: Term, domains: readonly string[]): Truth {
    const form = this.#form(term, 'way to a domain', 63, domainForms(HOST));
    return answered(
      form,
      this.#script.isOf(term, `leads to ${domains.join(' or ')}`, () => domainForms(hostsOf(domains))),
    );
  }

  /** Of the addresses in a text, separated by commas. */
  isWrittenTo(term: Term, domains: readonly string[]): Truth {
    const form = this.#form(term, 'list of addresses', 63, addressList(HOST));
    const inside = hostsOf(domains);
    const named = domains.join(' or ');
    return {
      holds: and([form, this.#script.isOf(term, `has addresses at ${named} alone`, () => addressList(inside))]),
      fails: and([
        form,
        this.#script.isOf(term, `has no address at ${named}`, () => addressList(without(HOST, inside))),
      ]),
    };
  }

  /** Whether programs read it alike: exactly so for short ASCII; a longer or another text of the form may be. */
  #form(term: Term, form: string, length: number, language: Language): Term {
    const [isClear, isNew] = this.#choice(term, `is a clear ${form}`);
    if (isNew) {
      const isOf = this.#script.isOf(term, `has the form of a ${form}`, () => language);
      const isAscii = this.#script.isOf(term, 'is ASCII', () => star(between('\u0000', '\u007f')));
      this.#script.assert(implies(isClear, isOf));
      this.#script.assert(implies(and([isAscii, this.#script.isWithin(term, length), isOf]), isClear));
    }
    return isClear;
  }

  /** Whether a counter can be found by it: it has a spelling. */
  hasSpelling(term: Term): Term {
    const [has, isNew] = this.#choice(term, 'has a spelling');
    if (isNew) {
      this.#script.assert(implies(has, not(this.is(term, ''))));
      this.#script.assert(
        implies(
          this.#script.isOf(term, 'is spelled plainly', () => SPELLED),
          has,
        ),
      );
    }
    return has;
  }

  /** A decimal number, and one below zero. */
  isDecimal(term: Term): Term {
    return this.#script.isOf(term, 'is a decimal number', () => DECIMAL);
  }

  isNegative(term: Term): Term {
    return this.#script.isOf(term, 'is a decimal number below zero', () => sequence([exactly('-'), DECIMAL]));
  }

  /** Whether it is a code of three letters, in any case. */
  isCode(term: Term, codes: readonly string[], says: string): Term {
    return this.#script.isOf(term, says, () => union(codes.map(anyCase)));
  }

  #choice(term: Term, says: string): readonly [choice: Term, isNew: boolean] {
    const name = `${term.replaceAll('|', '')} ${says}`;
    const isNew = !this.#script.isNamed(name);
    return [this.#script.declare(name, 'Bool'), isNew];
  }
}

/** As fold() in decide/condition.ts reads it: nothing but case is folded. */
const PLAIN = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;
const SEEN = between('!', '~');
const PLAIN_LANGUAGE = sequence([SEEN, optional(sequence([star(between(' ', '~')), SEEN]))]);
const SPELLED = sequence([between('a', 'z'), star(oneOf('abcdefghijklmnopqrstuvwxyz0123456789@.-'))]);

// --- paths, as isCleanPath in values/path.ts

const BEYOND_ASCII = '(re.range "\\u{80}" "\\u{2ffff}")';
/** What stands in a part of a path, apart from the dot. */
const NO_DOT = union([between(' ', '$'), between('&', '-'), between('0', '['), between(']', '~'), BEYOND_ASCII]);
const IN_PART = union([NO_DOT, exactly('.')]);
const PART = union([
  sequence([NO_DOT, star(IN_PART)]),
  sequence([exactly('.'), NO_DOT, star(IN_PART)]),
  sequence([exactly('..'), plus(IN_PART)]),
]);
const CLEAN_PATH = union([exactly('/'), sequence([plus(sequence([exactly('/'), PART])), optional(exactly('/'))])]);

// --- domains, as values/domain.ts; lengths are left to those who ask

const ALPHANUMERIC = union([between('0', '9'), between('A', 'Z'), between('a', 'z')]);
const LABEL = sequence([ALPHANUMERIC, optional(sequence([star(union([ALPHANUMERIC, exactly('-')])), ALPHANUMERIC]))]);
const DIGITS = plus(between('0', '9'));
const HOST = sequence([plus(sequence([LABEL, exactly('.')])), without(LABEL, DIGITS)]);
const ATOM = plus(union([ALPHANUMERIC, oneOf("#$&'*+/=?^_`{|}~-")]));
const LOCAL = sequence([ATOM, star(sequence([exactly('.'), ATOM]))]);
const SPACES = star(exactly(' '));
const NAME = star(union([ALPHANUMERIC, oneOf(" .'_-"), BEYOND_ASCII]));
const QUOTED = sequence([exactly('"'), NAME, exactly('"')]);

function hostsOf(domains: readonly string[]): Language {
  return union(
    domains.map((domain) =>
      domain.startsWith('*.')
        ? sequence([plus(sequence([LABEL, exactly('.')])), anyCase(domain.slice(2))])
        : anyCase(domain),
    ),
  );
}

function addressForms(host: Language): Language {
  const address = sequence([LOCAL, exactly('@'), host]);
  const named = sequence([union([NAME, QUOTED]), optional(exactly(' ')), exactly('<'), address, exactly('>')]);
  return sequence([SPACES, union([address, named]), SPACES]);
}

function addressList(host: Language): Language {
  const address = addressForms(host);
  return sequence([address, star(sequence([exactly(','), address]))]);
}

const PORT = sequence([exactly(':'), times(between('0', '9'), 1, 5)]);
const REST = sequence([oneOf('/?#'), star(union([between('!', '['), between(']', '~')]))]);

function domainForms(host: Language): Language {
  const web = sequence([exactly('http'), optional(exactly('s')), exactly('://'), host, optional(PORT), optional(REST)]);
  return union([web, addressForms(host), host]);
}

const DECIMAL = sequence([
  union([exactly('0'), sequence([between('1', '9'), star(between('0', '9'))])]),
  optional(sequence([exactly('.'), DIGITS])),
]);
