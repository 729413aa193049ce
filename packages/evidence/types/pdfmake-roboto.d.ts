/** Paths of the fonts that come with pdfmake: family → style → file. */
declare const fonts: Readonly<Record<string, Readonly<Record<string, string>>>>;
export default fonts;
