/** The part of pdfmake 0.3 that is used: the package brings no types. */
type Margins = number | readonly [left: number, top: number, right: number, bottom: number];

export interface Look {
  readonly bold?: boolean;
  readonly fontSize?: number;
  readonly color?: string;
  readonly fillColor?: string;
  readonly alignment?: 'left' | 'right' | 'center';
  readonly margin?: Margins;
  readonly lineHeight?: number;
  readonly preserveLeadingSpaces?: boolean;
  readonly pageBreak?: 'before' | 'after';
  readonly unbreakable?: boolean;
  readonly colSpan?: number;
}

export interface TableLayout {
  readonly hLineWidth: (i: number, node: { readonly table: { readonly body: readonly unknown[] } }) => number;
  readonly vLineWidth: (i: number) => number;
  readonly hLineColor: () => string;
  readonly paddingLeft: (i: number) => number;
  readonly paddingRight: (i: number) => number;
  readonly paddingTop: () => number;
  readonly paddingBottom: () => number;
}

export type Content =
  | (Look & { readonly text: string | readonly (Look & { readonly text: string })[] })
  | (Look & { readonly stack: readonly Content[] })
  | (Look & { readonly ul: readonly Content[] })
  | (Look & { readonly columns: readonly (Content & { readonly width?: number | 'auto' | '*' })[] })
  | (Look & { readonly svg: string; readonly maxWidth: number; readonly maxHeight: number })
  | (Look & {
      readonly table: {
        readonly headerRows?: number;
        readonly dontBreakRows?: boolean;
        readonly keepWithHeaderRows?: number;
        readonly widths: readonly (number | 'auto' | '*')[];
        readonly body: readonly (readonly Content[])[];
      };
      readonly layout: TableLayout;
    });

interface Definition {
  readonly content: readonly Content[];
  readonly pageSize: 'A4' | 'A3';
  readonly pageOrientation: 'portrait' | 'landscape';
  readonly pageMargins: Margins;
  readonly header: (page: number, pages: number) => Content;
  readonly footer: (page: number, pages: number) => Content;
  readonly defaultStyle: Look & { readonly font: string };
  readonly info: Readonly<Record<string, string | Date>>;
  readonly language: string;
  readonly displayTitle: boolean;
  readonly version: string;
}

declare const pdfmake: {
  setFonts(fonts: Readonly<Record<string, Readonly<Record<string, string>>>>): void;
  setUrlAccessPolicy(allows: (url: string) => boolean): void;
  setLocalAccessPolicy(allows: (path: string) => boolean): void;
  createPdf(definition: Definition): { getBuffer(): Promise<Uint8Array> };
};
export default pdfmake;
