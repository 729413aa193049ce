/** One digest for what a certificate stands for. */
import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';

/** `sha256:<hex>` over the RFC 8785 form. Throws for what is no JSON: a bug. */
export function digestOf(content: unknown): string {
  const text = canonicalize(content);
  if (text === undefined) throw new TypeError('a certificate is JSON');
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}
