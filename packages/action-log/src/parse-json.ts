/**
 * `JSON.parse` that gives the keys which the text has. V8 from 12.8 on may give another key of the same length in place
 * of one that is written with an escape, when it has read an object with that other key before
 * (https://issues.chromium.org/issues/521080746): after `{"x":0,"\\":0}`, the text `{"x":0,"A":0}` with its `A` written
 * as `\u0041` has a member named `\`. Texts without such keys, which is nearly all, are read by `JSON.parse` itself.
 */

const STRING = /"(?:[^"\\]+|\\.)*"/y;
const SCALAR = /[^\s,\]}]+/y;
const SPACE = /\s*/y;

/** As `JSON.parse`, and throws what it throws. Nesting is bounded by the stack where a key has an escape. */
export function parseJson(text: string): ReturnType<typeof JSON.parse> {
  const value: unknown = JSON.parse(text);
  return hasEscapedKey(text) ? readAt(text, { at: 0 }) : value;
}

/** Of a text that is JSON. */
function hasEscapedKey(text: string): boolean {
  if (!text.includes('\\')) return false;
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at)) {
    const end = endOf(STRING, text, at);
    const next = endOf(SPACE, text, end);
    if (text.charCodeAt(next) === COLON && text.slice(at, end).includes('\\')) return true;
    at = next;
  }
  return false;
}

const COLON = 0x3a;

interface Place {
  at: number;
}

/** The value that begins there, of a text that is known to be JSON. */
function readAt(text: string, place: Place): unknown {
  space(text, place);
  switch (text[place.at]) {
    case '{':
      return readObject(text, place);
    case '[':
      return readArray(text, place);
    case '"':
      return take(STRING, text, place);
    default:
      return take(SCALAR, text, place);
  }
}

function readObject(text: string, place: Place): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  place.at += 1;
  for (;;) {
    space(text, place);
    if (text[place.at] === '}') break;
    const key = String(take(STRING, text, place));
    space(text, place);
    place.at += 1;
    // Not by assignment: `__proto__` is a member like any other.
    Object.defineProperty(object, key, {
      value: readAt(text, place),
      configurable: true,
      enumerable: true,
      writable: true,
    });
    space(text, place);
    if (text[place.at] === ',') place.at += 1;
  }
  place.at += 1;
  return object;
}

function readArray(text: string, place: Place): unknown[] {
  const array: unknown[] = [];
  place.at += 1;
  for (;;) {
    space(text, place);
    if (text[place.at] === ']') break;
    array.push(readAt(text, place));
    space(text, place);
    if (text[place.at] === ',') place.at += 1;
  }
  place.at += 1;
  return array;
}

function space(text: string, place: Place): void {
  place.at = endOf(SPACE, text, place.at);
}

/** A string, number or word by itself, which is always read right. */
function take(token: RegExp, text: string, place: Place): unknown {
  const end = endOf(token, text, place.at);
  const value: unknown = JSON.parse(text.slice(place.at, end));
  place.at = end;
  return value;
}

function endOf(token: RegExp, text: string, at: number): number {
  token.lastIndex = at;
  return token.test(text) ? token.lastIndex : at;
}
