/** Percent-encoding (RFC 3986), read strictly and written in one way. */

const BROKEN = /%(?![0-9A-Fa-f]{2})/;
/** C0, DEL and C1; a tab or line end may stand in a text. */
const CONTROL = /(?![\t\n\r])\p{Cc}/u;

/** Undefined for what is not percent-encoded UTF-8, or holds control characters. `plus`: `+` is a space, as in forms. */
export function decode(text: string, plus = false): string | undefined {
  if (BROKEN.test(text)) return undefined;
  let decoded: string;
  try {
    decoded = decodeURIComponent(plus ? text.replaceAll('+', ' ') : text);
  } catch {
    return undefined;
  }
  return CONTROL.test(decoded) ? undefined : decoded;
}

/** Everything but unreserved characters. */
export function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
