/** Takes a credential out of everything an upstream sends, in the encodings in which it is commonly repeated. */
import type { JsonObject, JsonValue } from '@hivekey/policy';

const SCRUBBED = '[secret]';
/** A shorter credential could not be told from ordinary text. */
export const SHORTEST_SECRET = 8;

/**
 * Base64 of a text that contains the secret: which characters carry it depends on where in a group of
 * three bytes it begins. The outermost ones mix with the neighbours and are left out.
 */
function base64Needles(secret: string): readonly string[] {
  const bytes = Buffer.from(secret, 'utf8');
  const needles: string[] = [];
  for (let shift = 0; shift < 3; shift += 1) {
    const padded = Buffer.concat([Buffer.alloc(shift), bytes]);
    const whole = padded.toString('base64').replace(/=+$/, '');
    const from = shift === 0 ? 0 : shift + 1;
    const to = padded.length % 3 === 0 ? whole.length : whole.length - 1;
    const middle = whole.slice(from, to);
    needles.push(middle, middle.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return needles;
}

function needlesOf(secret: string): readonly string[] {
  const percent = encodeURIComponent(secret);
  // RFC 3986 lets a sender encode any character, so the fully encoded form is looked for, too.
  const hex = Buffer.from(secret, 'utf8').toString('hex');
  const every = hex.replaceAll(/../g, '%$&');
  const forms = [
    secret,
    percent,
    percent.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    percent.replaceAll('%20', '+'),
    every,
    every.toUpperCase(),
    hex,
    hex.toUpperCase(),
    JSON.stringify(secret).slice(1, -1),
    // Some encoders escape the slash.
    JSON.stringify(secret).slice(1, -1).replaceAll('/', '\\/'),
    ...base64Needles(secret),
  ];
  return forms;
}

/** Characters that JSON inside JSON spells with more and more backslashes. */
const ESCAPED = /["\\\p{Cc}]/u;

export class Scrubber {
  readonly #needles: readonly string[];
  readonly #escaped: boolean;

  constructor(...secrets: readonly string[]) {
    // Longest first: a form that contains another is replaced as a whole.
    this.#needles = [...new Set(secrets.flatMap(needlesOf))].sort((a, b) => b.length - a.length);
    this.#escaped = secrets.some((secret) => ESCAPED.test(secret));
  }

  /** For bytes that are passed on as they come. */
  stream(): StreamScrubber {
    return new StreamScrubber(this.#needles);
  }

  /** False when the JSON text certainly holds no form of the secret; a spelling with escapes is looked at closely. */
  suspects(json: string): boolean {
    if (json.includes('\\u') || json.includes('\\/') || (this.#escaped && json.includes('\\'))) return true;
    return this.#needles.some((needle) => json.includes(needle));
  }

  text(text: string): string {
    let clean = text;
    for (const needle of this.#needles) if (clean.includes(needle)) clean = clean.replaceAll(needle, SCRUBBED);
    return clean;
  }

  /** The same value when nothing had to be taken out, so that clean messages are not copied. */
  value(value: JsonValue): JsonValue {
    if (typeof value === 'string') return this.text(value);
    if (typeof value === 'number') return this.#number(value);
    if (typeof value !== 'object' || value === null) return value;
    if (isList(value)) {
      const items = value.map((item) => this.value(item));
      return items.every((item, index) => item === value[index]) ? value : items;
    }
    return this.object(value);
  }

  object(object: JsonObject): JsonObject {
    let changed = false;
    const members = Object.entries(object).map(([key, member]): [string, JsonValue] => {
      const clean: [string, JsonValue] = [this.text(key), this.value(member)];
      changed ||= clean[0] !== key || clean[1] !== member;
      return clean;
    });
    return changed ? Object.fromEntries(members) : object;
  }

  #number(value: number): JsonValue {
    const text = String(value);
    return text.length >= SHORTEST_SECRET && this.text(text) !== text ? SCRUBBED : value;
  }
}

function isList(value: readonly JsonValue[] | JsonObject): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** Keeps back only what may be the beginning of a form of the secret, so that a stream is not held up. */
export class StreamScrubber {
  /** As the bytes of their UTF-8. */
  readonly #needles: readonly string[];
  readonly #longest: number;
  #kept = '';

  constructor(needles: readonly string[]) {
    this.#needles = needles.map((needle) => Buffer.from(needle).toString('latin1'));
    this.#longest = Math.max(...this.#needles.map(({ length }) => length));
  }

  push(chunk: Buffer): Buffer {
    const text = this.#clean(this.#kept + chunk.toString('latin1'));
    const from = this.#beginningIn(text);
    this.#kept = text.slice(from);
    return Buffer.from(text.slice(0, from), 'latin1');
  }

  /** What was kept back. */
  end(): Buffer {
    const rest = Buffer.from(this.#kept, 'latin1');
    this.#kept = '';
    return rest;
  }

  #clean(text: string): string {
    let clean = text;
    for (const needle of this.#needles) if (clean.includes(needle)) clean = clean.replaceAll(needle, SCRUBBED);
    return clean;
  }

  /** Where the text's end begins that could go on to be a needle. */
  #beginningIn(text: string): number {
    for (let from = Math.max(0, text.length - this.#longest + 1); from < text.length; from += 1) {
      const end = text.slice(from);
      if (this.#needles.some((needle) => needle.startsWith(end))) return from;
    }
    return text.length;
  }
}
