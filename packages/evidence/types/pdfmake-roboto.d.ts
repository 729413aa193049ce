/** Fonts that pdfmake carries, base64. */
declare const container: {
  readonly vfs: Readonly<Record<string, { readonly data: string; readonly encoding: string }>>;
  readonly fonts: Readonly<Record<string, Readonly<Record<string, string>>>>;
};
export default container;
