/** Bodies of OAuth requests: forms in which nothing stands twice. Pure. */
import { OAuthRefusal } from './refusal.ts';

const MAX_VALUE = 16_384;
const SYNTAX = /^(?:[A-Za-z0-9._~!$'()*+,;:@/?=-]|%[0-9A-Fa-f]{2}|&)*$/;

/** Throws OAuthRefusal `invalid_request`: of a parameter that stands twice nobody knows which one counts (RFC 6749 section 3.2). */
export function parseForm(text: string): ReadonlyMap<string, string> {
  if (!SYNTAX.test(text)) throw malformed('the body is no form');
  const form = new Map<string, string>();
  for (const pair of text === '' ? [] : text.split('&')) {
    const at = pair.indexOf('=');
    const name = decode(at === -1 ? pair : pair.slice(0, at));
    const value = decode(at === -1 ? '' : pair.slice(at + 1));
    if (name === '') throw malformed('a parameter has no name');
    if (form.has(name)) throw malformed(`the parameter ${JSON.stringify(name.slice(0, 64))} stands twice`);
    if (value.length > MAX_VALUE) throw malformed('a value is too long');
    form.set(name, value);
  }
  // Without a value is as if left out (section 3.1).
  for (const [name, value] of form) if (value === '') form.delete(name);
  return form;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw malformed('the body is not UTF-8');
  }
}

function malformed(why: string): OAuthRefusal {
  return new OAuthRefusal('invalid_request', why);
}

/** Throws OAuthRefusal `invalid_request` where it is missing. */
export function required(form: ReadonlyMap<string, string>, name: string): string {
  const value = form.get(name);
  if (value === undefined) throw malformed(`${name} is missing`);
  return value;
}
