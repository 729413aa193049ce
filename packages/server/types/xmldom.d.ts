/**
 * What is used of @xmldom/xmldom. Its own types, and those of node-saml, bring in the types of a browser, which would then
 * be there in every file; tsconfig.json points here instead.
 */
export interface Node {
  readonly nodeType: number;
  readonly nodeName: string;
  readonly nodeValue: string | null;
  readonly firstChild: Node | null;
  readonly nextSibling: Node | null;
  readonly ELEMENT_NODE: number;
  readonly TEXT_NODE: number;
}

interface Attr {
  readonly name: string;
  readonly value: string;
}

export interface Element extends Node {
  readonly namespaceURI: string | null;
  readonly localName: string | null;
  readonly attributes: { readonly length: number; item(index: number): Attr | null };
}

export class DOMParser {
  constructor(options: {
    readonly locator: object;
    readonly errorHandler: Readonly<Record<'warning' | 'error' | 'fatalError', (message: string) => never>>;
  });
  /** Undefined for some texts that are no document. */
  parseFromString(text: string, mimeType: 'text/xml'): Node | undefined;
}
