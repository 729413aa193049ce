/**
 * Checks in the browser that a held call is bound as it is shown: the view has the digest in the binding, and the
 * binding has the hash that an approval names. docs/reference/approvals.md.
 */
import { toHex, utf8Bytes } from './bytes.ts';

interface Shown {
  readonly view: unknown;
  readonly binding: { readonly view: string };
  readonly hash: string;
}

/** What does not fit, in words; undefined when all does. */
export async function bindingFault({ view, binding, hash }: Shown, subtle: SubtleCrypto): Promise<string | undefined> {
  if ((await digestOf(view, subtle)) !== binding.view) return 'What is shown does not have the digest that is bound.';
  return (await digestOf(binding, subtle)) === hash ? undefined : 'What is bound does not have the hash that is shown.';
}

/** `sha256:<hex>` of the RFC 8785 form. */
async function digestOf(value: unknown, subtle: SubtleCrypto): Promise<string> {
  const digest = await subtle.digest('SHA-256', utf8Bytes(canonical(value)));
  return `sha256:${toHex(new Uint8Array(digest))}`;
}

/** RFC 8785 is JSON as ECMAScript writes it, with members in the order of their UTF-16 code units. `value`: from JSON. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, each]) => `${JSON.stringify(name)}:${canonical(each)}`).join()}}`;
}
