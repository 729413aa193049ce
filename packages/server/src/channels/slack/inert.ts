/**
 * Text of agents, upstreams and people inside code blocks of Slack's mrkdwn. What could end the block, begin a
 * mention or link, be invisible or turn the direction of reading stands as `\uXXXX`, as JSON writes it; backslashes are
 * doubled, so nothing can look like such an escape that is none. What is read is what is there. Pure.
 */

/**
 * Scripts that are read from right to left, strong characters and marks: Hebrew to the Arabic extensions, their
 * presentation forms, and those of the supplementary planes (Unicode 17, DerivedBidiClass).
 */
const RIGHT_TO_LEFT = '\\u0590-\\u08FF\\uFB1D-\\uFDFF\\uFE70-\\uFEFF\\u{10800}-\\u{10FFF}\\u{1E800}-\\u{1EFFF}';
/**
 * Beside what is neither letter, number, punctuation, symbol nor space: letters that show nothing (Hangul fillers), the
 * empty braille pattern, what Slack gives a meaning to, and every space behind another, which could push the rest away.
 */
const UNSAFE = new RegExp(
  `[^\\p{L}\\p{N}\\p{P}\\p{S} ]|[\\p{Default_Ignorable_Code_Point}\\u2800\`<>&${RIGHT_TO_LEFT}]|(?<= ) `,
  'gu',
);

/** Without the quotes around it. */
export function inert(text: string): string {
  return JSON.stringify(text).slice(1, -1).replaceAll(UNSAFE, escaped);
}

function escaped(character: string): string {
  let text = '';
  for (let i = 0; i < character.length; i += 1) text += `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`;
  return text;
}

/** JSON with one member or element a line; `JSON.parse` gives the value back. */
export function inertJson(value: unknown, indent = ''): string {
  const deeper = `${indent}  `;
  if (typeof value === 'string') return `"${inert(value)}"`;
  if (Array.isArray(value))
    return bracket(
      '[',
      ']',
      value.map((each) => inertJson(each, deeper)),
      indent,
    );
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(([key, each]) => `"${inert(key)}": ${inertJson(each, deeper)}`);
    return bracket('{', '}', members, indent);
  }
  return JSON.stringify(value) ?? 'null';
}

function bracket(open: string, close: string, items: readonly string[], indent: string): string {
  if (items.length === 0) return open + close;
  return `${open}\n${items.map((item) => `${indent}  ${item}`).join(',\n')}\n${indent}${close}`;
}
