/**
 * XML from outside, as far as SAML is written in it. Whatever two readers of the same bytes could see differently, or what
 * makes a small text large, is refused before anything is parsed: document types, entities, comments, CDATA and processing
 * instructions. A NameID cut in two by a comment is then no NameID at all. Pure.
 */
import { DOMParser, type Node, type Element as XmldomElement } from '@xmldom/xmldom';

export const MAX_XML_BYTES = 256 * 1024;
const MAX_DEPTH = 32;
const MAX_ELEMENTS = 5_000;
const MAX_ATTRIBUTES = 12_000;
const MAX_ATTRIBUTES_EACH = 40;

const DECLARATION =
  /^\uFEFF?<\?xml\s+version=["']1\.0["'](\s+encoding=["']utf-8["'])?(\s+standalone=["'](yes|no)["'])?\s*\?>/i;
/** The five that are predefined, and characters by number. */
const REFERENCE = /&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});)/;
// What XML 1.0 does not let a document hold, and what it advises against.
const NO_CHARACTER = /[^\P{Cc}\t\n\r]|[\ufffe\uffff]/u;

export interface XmlElement {
  readonly namespace: string;
  /** Local name. */
  readonly name: string;
  /** Attributes without a namespace, by name. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  /** Of an element without children; empty for others, whose text is white space alone. */
  readonly text: string;
}

export type ReadXml =
  | { readonly ok: true; readonly root: XmlElement }
  /** In words. */
  | { readonly ok: false; readonly problem: string };

/** Reads a document of at most 256 KB. Never throws. */
export function readXml(text: string): ReadXml {
  const problem = problemOf(text);
  if (problem !== undefined) return { ok: false, problem };
  try {
    return { ok: true, root: elementOf(documentElementOf(text), 1, { left: MAX_ELEMENTS }) };
  } catch (error) {
    if (error instanceof NotReadable) return { ok: false, problem: error.message };
    // What the parser throws by itself tells of its insides.
    return { ok: false, problem: 'it is not well-formed XML' };
  }
}

/** Bytes as UTF-8, or undefined. */
export function utf8Of(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

class NotReadable extends Error {}

function countOf(text: string, part: string): number {
  let count = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) count += 1;
  return count;
}

function problemOf(text: string): string | undefined {
  if (Buffer.byteLength(text) > MAX_XML_BYTES) return 'it is larger than 256 KB';
  const body = text.replace(DECLARATION, '');
  // In XML that is well-formed this begins a document type, a comment or CDATA wherever it stands.
  if (body.includes('<!')) return 'it has a document type, a comment or CDATA';
  if (body.includes('<?')) return 'it has a processing instruction, or is not XML 1.0 in UTF-8';
  // Before it is parsed, which costs by the element and by the attribute.
  const quotes = countOf(body, '"') + countOf(body, "'");
  if (countOf(body, '<') > 2 * MAX_ELEMENTS || quotes > 2 * MAX_ATTRIBUTES)
    return 'it has too many elements or attributes';
  if (REFERENCE.test(body)) return 'it refers to an entity';
  // The parser takes text around the document for nothing.
  if (!body.trimStart().startsWith('<') || !body.trimEnd().endsWith('>')) return 'it is not one XML document';
  return undefined;
}

function documentElementOf(text: string): XmldomElement {
  const refuse = (): never => {
    throw new NotReadable('it is not well-formed XML');
  };
  // A warning is a repair, and what is repaired can be repaired differently elsewhere.
  const parser = new DOMParser({ locator: {}, errorHandler: { warning: refuse, error: refuse, fatalError: refuse } });
  const document = parser.parseFromString(text, 'text/xml');
  const roots = document === undefined ? [] : childrenOf(document).filter(isElement);
  const [root] = roots;
  if (root === undefined || roots.length > 1) throw new NotReadable('it is not one XML document');
  return root;
}

function elementOf(node: XmldomElement, depth: number, count: { left: number }): XmlElement {
  count.left -= 1;
  if (depth > MAX_DEPTH || count.left < 0) throw new NotReadable('it is nested too deeply, or has too many elements');
  if (node.attributes.length > MAX_ATTRIBUTES_EACH) throw new NotReadable('it has too many attributes');
  const attributes = new Map<string, string>();
  for (let index = 0; index < node.attributes.length; index += 1) {
    const attribute = node.attributes.item(index);
    if (attribute === null || attribute.name === 'xmlns' || attribute.name.includes(':')) continue;
    attributes.set(attribute.name, charactersOf(attribute.value));
  }
  const children: XmlElement[] = [];
  let text = '';
  for (const child of childrenOf(node)) {
    if (isElement(child)) children.push(elementOf(child, depth + 1, count));
    else if (child.nodeType === child.TEXT_NODE) text += charactersOf(child.nodeValue ?? '');
    else throw new NotReadable('it has something else than elements and text');
  }
  if (children.length > 0 && text.trim() !== '') throw new NotReadable('it has text between elements');
  return {
    namespace: node.namespaceURI ?? '',
    name: node.localName ?? node.nodeName,
    attributes,
    children,
    text: children.length > 0 ? '' : text,
  };
}

/** Also those that are written by number. */
function charactersOf(text: string): string {
  if (NO_CHARACTER.test(text) || !text.isWellFormed())
    throw new NotReadable('it has a character that XML does not have');
  return text;
}

function childrenOf(node: Node): Node[] {
  const children: Node[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) children.push(child);
  return children;
}

function isElement(node: Node): node is XmldomElement {
  return node.nodeType === node.ELEMENT_NODE;
}

/** Children of that name. */
export function childrenNamed(element: XmlElement, namespace: string, name: string): readonly XmlElement[] {
  return element.children.filter((child) => child.namespace === namespace && child.name === name);
}

/** The child of that name where there is exactly one. */
export function onlyChild(element: XmlElement, namespace: string, name: string): XmlElement | undefined {
  const found = childrenNamed(element, namespace, name);
  return found.length === 1 ? found[0] : undefined;
}

/** The element and all below it, in the order of the document. */
export function* walk(element: XmlElement): Generator<XmlElement> {
  yield element;
  for (const child of element.children) yield* walk(child);
}

/** As text or in an attribute between quotation marks. */
export function escapeXml(text: string): string {
  return text.replace(/[<>&"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
