/**
 * Which URIs a resource template (RFC 6570) stands for. Being granted a template is being granted every URI it
 * matches, so one that could mean two things is refused: dot segments, also encoded ones, encoded characters
 * that need no encoding, backslashes.
 */

/** True when the template may have been expanded to the URI. */
export type UriMatcher = (uri: string) => boolean;

const MAX_EXPRESSIONS = 32;
const MAX_URI = 8_192;

/** What an expression may have become, by its operator. Undefined variables leave nothing behind where there is a `?`. */
const EXPANSIONS: Readonly<Record<string, string>> = {
  '': '[^/?#]+',
  '+': '[^?#]+',
  '#': '(?:#.*)?',
  '.': '(?:\\.[^/?#]+)?',
  '/': '(?:/[^?#]+)?',
  ';': '(?:;[^/?#]*)?',
  '?': '(?:\\?[^#]*)?',
  '&': '(?:&[^#]*)?',
};

const EXPRESSION = /\{([+#./;?&]?)([A-Za-z0-9_.%]+(?::\d{1,4}|\*)?(?:,[A-Za-z0-9_.%]+(?::\d{1,4}|\*)?)*)\}/g;

/** Undefined when the text is no template that can be matched. `compile`: a regular expression in linear time. */
export function uriMatcher(
  template: string,
  compile: (pattern: string) => { test(text: string): boolean },
): UriMatcher | undefined {
  let pattern = '';
  let at = 0;
  let count = 0;
  for (const match of template.matchAll(EXPRESSION)) {
    pattern += literal(template.slice(at, match.index)) + (EXPANSIONS[match[1] ?? ''] ?? '');
    at = match.index + match[0].length;
    count += 1;
  }
  const rest = template.slice(at);
  if (count > MAX_EXPRESSIONS || /[{}]/.test(template.replaceAll(EXPRESSION, ''))) return undefined;
  const compiled = compile(`^${pattern}${literal(rest)}$`);
  return (uri) => uri.length <= MAX_URI && isPlain(uri) && compiled.test(uri);
}

function literal(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

/** RFC 3986, section 6.2.2: in normal form, so that no two spellings of one resource pass. */
function isPlain(uri: string): boolean {
  if (!/^[\x21-\x7e]*$/.test(uri) || uri.includes('\\')) return false;
  for (const [, hex = ''] of uri.matchAll(/%(.{0,2})/g)) {
    if (!/^[0-9A-Fa-f]{2}$/.test(hex)) return false;
    if (/[A-Za-z0-9._~-]/.test(String.fromCharCode(Number.parseInt(hex, 16)))) return false;
  }
  const path = uri.split(/[?#]/, 1)[0] ?? '';
  return !path.split(/\/|%2f|%5c/i).some((segment) => segment === '.' || segment === '..');
}
