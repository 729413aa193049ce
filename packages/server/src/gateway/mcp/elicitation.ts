/** What an upstream may ask of the person behind an agent. Asking is a way to phish: no secrets, and links only to known hosts. */
import type { JsonObject } from '@hivekey/policy';
import { isObject } from './wire.ts';

const SECRET_WORDS =
  /\b(pass(word|phrase|wd|code)?|secret|token|api[ _-]?key|private[ _-]?key|credential|otp|one[ _-]?time|cvv|cvc|card[ _-]?number|social[ _-]?security)s?\b/i;
const CAMEL_BOUNDARY = /([a-z0-9])([A-Z])/g;

function asksForSecret(text: string): boolean {
  return SECRET_WORDS.test(text.replaceAll(CAMEL_BOUNDARY, '$1 $2').replaceAll('_', ' '));
}

/** Why this elicitation must not reach the person, in words; undefined when it may. */
export function elicitationProblem(params: JsonObject, allowedHosts: readonly string[]): string | undefined {
  if (params.mode === 'url') {
    const url = typeof params.url === 'string' ? URL.parse(params.url) : null;
    if (url === null || url.protocol !== 'https:' || url.username !== '' || url.password !== '')
      return 'the link is not a plain https address';
    return allowedHosts.includes(url.host) ? undefined : `links to ${url.host} are not allowed`;
  }
  if (params.mode !== undefined && params.mode !== 'form') return 'the mode is unknown';
  const schema = params.requestedSchema;
  const fields = isObject(schema) && isObject(schema.properties) ? schema.properties : {};
  for (const [name, field] of Object.entries(fields)) {
    const words = [name];
    if (isObject(field))
      for (const text of [field.title, field.description, field.format]) if (typeof text === 'string') words.push(text);
    if (words.some(asksForSecret)) return `the field ${name} asks for a secret`;
  }
  return undefined;
}
