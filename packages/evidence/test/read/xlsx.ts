/** Reads a workbook strictly: what is not a tag, an attribute or a text that we know is an error. */
import { unzipSync } from 'fflate';

interface ReadCell {
  readonly type: string;
  readonly text: string;
}

export interface ReadWorkbook {
  readonly paths: readonly string[];
  /** Names of all elements, over all parts. */
  readonly elements: ReadonlySet<string>;
  /** In the order in which they are seen. */
  readonly sheets: readonly { readonly name: string; readonly rows: readonly ReadonlyMap<string, ReadCell>[] }[];
  readonly part: (path: string) => string;
}

const TOKEN = /<[^<>]*>|[^<>]+/gy;
const DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const TAG = /^<(?:\/[\w:]+|[\w:]+(?: [\w:]+="[^"<]*")*\/?)>$/;
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

export function readXlsx(bytes: Uint8Array): ReadWorkbook {
  const files = unzipSync(bytes);
  const part = (path: string): string => {
    const found = files[path];
    if (found === undefined) throw new Error(`no part ${path}`);
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(found);
  };
  const elements = new Set<string>();
  for (const path of Object.keys(files)) {
    for (const token of tokens(part(path))) {
      const name = /^<([\w:]+)/.exec(token)?.[1];
      if (name !== undefined) elements.add(name);
    }
  }
  const targets = new Map(
    tokens(part('xl/_rels/workbook.xml.rels'))
      .filter((token) => token.startsWith('<Relationship '))
      .map((token) => [attribute(token, 'Id'), attribute(token, 'Target')]),
  );
  const sheets = tokens(part('xl/workbook.xml'))
    .filter((token) => token.startsWith('<sheet '))
    .map((token) => ({
      name: attribute(token, 'name'),
      rows: rowsOf(part(`xl/${targets.get(attribute(token, 'r:id'))}`)),
    }));
  return { paths: Object.keys(files), elements, sheets, part };
}

function rowsOf(xml: string): readonly ReadonlyMap<string, ReadCell>[] {
  const rows: Map<string, ReadCell>[] = [];
  let ref = '';
  let type = '';
  for (const token of tokens(xml)) {
    if (token.startsWith('<row ')) rows.push(new Map());
    else if (token.startsWith('<c ')) {
      ref = attribute(token, 'r');
      type = / t="(\w+)"/.exec(token)?.[1] ?? 'n';
      rows.at(-1)?.set(ref.replace(/\d+$/, ''), { type, text: '' });
      if (!ref.endsWith(String(rows.length))) throw new Error(`${ref} stands in row ${rows.length}`);
    } else if (!token.startsWith('<')) {
      rows.at(-1)?.set(ref.replace(/\d+$/, ''), { type, text: textOf(token) });
    }
  }
  return rows;
}

function tokens(xml: string): string[] {
  if (!xml.startsWith(DECLARATION)) throw new Error('no XML declaration');
  const found = xml.slice(DECLARATION.length).match(TOKEN) ?? [];
  if (DECLARATION + found.join('') !== xml) throw new Error('this is no XML');
  for (const token of found) {
    if (token.startsWith('<') && !TAG.test(token)) throw new Error(`this is no tag: ${token}`);
    if (/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u.test(token))
      throw new Error('no XML character');
  }
  return found;
}

function attribute(token: string, name: string): string {
  const value = new RegExp(` ${name}="([^"]*)"`).exec(token)?.[1];
  if (value === undefined) throw new Error(`no ${name} in ${token}`);
  return value;
}

/** Entities, then what ECMA-376 part 1, 22.9.2.19 says of `_xHHHH_`. */
function textOf(token: string): string {
  return token
    .replace(/&(\w+);|&/g, (all, name: string | undefined) => {
      const character = name === undefined ? undefined : ENTITIES[name];
      if (character === undefined) throw new Error(`a bare ${all}`);
      return character;
    })
    .replace(/\r\n?/g, '\n')
    .replace(/_x([0-9A-Fa-f]{4})_/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
