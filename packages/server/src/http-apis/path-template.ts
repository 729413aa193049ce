/** Path templates: which operation a path names, and the values in it. Pure. */
import { decode, encode } from './percent.ts';

/** Text that stands for itself, or a parameter between two such texts. */
type Segment =
  | { readonly kind: 'literal'; readonly text: string; readonly raw: string }
  | { readonly kind: 'parameter'; readonly name: string; readonly before: string; readonly after: string };

export interface PathTemplate {
  readonly segments: readonly Segment[];
  /** Of the parameters, in order. */
  readonly names: readonly string[];
}

const SEGMENT = /^([^{}]*)\{([^{}]+)\}([^{}]*)$/;
/** An encoded unreserved character: the same path in another spelling, which only a disguise needs. */
const DISGUISED = /%(?:2[dDeE]|3[0-9]|4[1-9a-fA-F]|5[0-9aAfF]|6[1-9a-fA-F]|7[0-9aAeE])/;
/** What a second decoding would turn into something else. */
const TWICE = /%[0-9A-Fa-f]{2}/;

/** In words, when it cannot be governed. */
export function parseTemplate(path: string): PathTemplate | string {
  const segments: Segment[] = [];
  const names: string[] = [];
  for (const raw of path.slice(1).split('/')) {
    if (!raw.includes('{') && !raw.includes('}')) {
      const text = decode(raw);
      if (text === undefined || raw === '.' || raw === '..' || /[?#;\\\s]/.test(raw)) return 'its path cannot be read';
      segments.push({ kind: 'literal', text, raw });
      continue;
    }
    const [, before = '', name, after = ''] = SEGMENT.exec(raw) ?? [];
    if (name === undefined) return 'a segment of its path has more than one parameter';
    if (/[^A-Za-z0-9._~:@-]/.test(before + after)) return 'its path cannot be read';
    if (names.includes(name)) return `its path has the parameter ${name} twice`;
    segments.push({ kind: 'parameter', name, before, after });
    names.push(name);
  }
  if (segments.slice(0, -1).some((segment) => segment.kind === 'literal' && segment.text === ''))
    return 'its path has an empty segment';
  return { segments, names };
}

/**
 * The decoded segments of a path, which begins with `/`; in words, why it can be read in more than one way: what is
 * left out, encoded twice or in disguise may be another path to a server behind this one.
 */
export function readPath(path: string): readonly string[] | string {
  if (!/^\/[\x21-\x7e]*$/.test(path)) return 'the path has characters that no path has';
  const raw = path.slice(1).split('/');
  const segments: string[] = [];
  for (const [index, segment] of raw.entries()) {
    if (segment === '' && index < raw.length - 1) return 'the path has an empty segment';
    if (/[\\;#?"<>^`{|}]/.test(segment)) return 'the path has characters that have to be encoded';
    if (DISGUISED.test(segment)) return 'the path encodes characters that need no encoding';
    const decoded = decode(segment);
    if (decoded === undefined || /[\t\n\r]/.test(decoded))
      return 'the path is not percent-encoded UTF-8 without control characters';
    if (/[/\\]/.test(decoded)) return 'the path has an encoded slash or backslash';
    if (decoded === '.' || decoded === '..' || /^\.+;/.test(decoded)) return 'the path has a dot segment';
    if (TWICE.test(decoded)) return 'the path is encoded twice';
    segments.push(decoded);
  }
  return segments;
}

function valueIn(segment: Segment, text: string): string | undefined {
  if (segment.kind === 'literal') return undefined;
  const { before, after } = segment;
  const value = text.slice(before.length, text.length - after.length);
  return text.length > before.length + after.length && text.startsWith(before) && text.endsWith(after)
    ? value
    : undefined;
}

/** The values of its parameters; undefined when the path is another. */
export function matchTemplate({ segments }: PathTemplate, path: readonly string[]): readonly string[] | undefined {
  if (segments.length !== path.length) return undefined;
  const values: string[] = [];
  for (const [index, segment] of segments.entries()) {
    const text = path[index] ?? '';
    if (segment.kind === 'literal') {
      if (segment.text !== text) return undefined;
      continue;
    }
    const value = valueIn(segment, text);
    if (value === undefined) return undefined;
    values.push(value);
  }
  return values;
}

/** The path with these values, in the one spelling that is forwarded. */
export function writePath({ segments }: PathTemplate, values: readonly string[]): string {
  let at = 0;
  return segments
    .map((segment) => {
      if (segment.kind === 'literal') return `/${segment.raw}`;
      const value = values[at] ?? '';
      at += 1;
      return `/${segment.before}${encode(value)}${segment.after}`;
    })
    .join('');
}

const RANK = { literal: 2, part: 1, parameter: 0 } as const;

function rankOf(segment: Segment): number {
  if (segment.kind === 'literal') return RANK.literal;
  return segment.before + segment.after === '' ? RANK.parameter : RANK.part;
}

/** At every place as concrete as the other. */
function dominates(one: PathTemplate, other: PathTemplate): boolean {
  return one.segments.every((segment, index) => {
    const against = other.segments[index];
    return against !== undefined && rankOf(segment) >= rankOf(against);
  });
}

export interface Matched<T> {
  readonly of: T;
  readonly template: PathTemplate;
  readonly values: readonly string[];
}

/**
 * Paths of one API. The most concrete template counts, as OpenAPI has it, whatever its methods are; where none is
 * more concrete than every other that fits, servers may choose differently, and the path names nothing.
 */
export class PathTable<T> {
  readonly #byLength = new Map<number, { readonly of: T; readonly template: PathTemplate }[]>();

  add(template: PathTemplate, of: T): void {
    const { length } = template.segments;
    const row = this.#byLength.get(length) ?? [];
    row.push({ of, template });
    this.#byLength.set(length, row);
  }

  find(path: readonly string[]): Matched<T> | undefined {
    const fitting = (this.#byLength.get(path.length) ?? []).flatMap(({ of, template }) => {
      const values = matchTemplate(template, path);
      return values === undefined ? [] : [{ of, template, values }];
    });
    return fitting.find((one) => fitting.every((other) => other === one || strictly(one.template, other.template)));
  }
}

function strictly(one: PathTemplate, other: PathTemplate): boolean {
  return dominates(one, other) && !dominates(other, one);
}
