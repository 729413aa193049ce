/** Versions of resources as entity tags (RFC 7644 section 3.14). Pure. */
import { ScimFailure } from './failure.ts';

export interface Precondition {
  /** `If-Match` as it was sent. */
  readonly ifMatch: string | undefined;
}

export function tagOf(version: number): string {
  return `W/"${version}"`;
}

/** Weak comparison: all of our tags are weak, and clients send them as strong ones too. */
export function namesVersion(header: string, version: number): boolean {
  return header.split(',').some((tag) => {
    const text = tag.trim();
    return text === '*' || text.replace(/^W\//, '') === `"${version}"`;
  });
}

/** Throws 412. */
export function checkVersion({ ifMatch }: Precondition, version: number): void {
  if (ifMatch === undefined || namesVersion(ifMatch, version)) return;
  throw new ScimFailure(412, undefined, `The resource is at version ${tagOf(version)}, which If-Match does not name.`);
}
