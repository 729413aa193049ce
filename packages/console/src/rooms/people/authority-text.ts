/** What a person may approve, as lines of text: `payments.* usd=500000 eur=400000`. Pure. */
import type { Person } from '../../api/types.ts';

export type Authority = NonNullable<Person['authority']>;

/** A limit that lists no unit: no call of it may be approved. Not the same as no limit. */
const NOTHING = 'nothing';

export function authorityText(authority: Authority): string {
  return authority
    .map(({ capability, max }) => {
      const limits = Object.entries(max ?? {}).map(([unit, amount]) => `${unit}=${amount}`);
      return [capability, ...(max !== undefined && limits.length === 0 ? [NOTHING] : limits)].join(' ');
    })
    .join('\n');
}

/** The lines read, or what is wrong with the first that cannot be. */
export function readAuthority(text: string): Authority | { readonly fault: string } {
  const authority: Authority[number][] = [];
  for (const [i, line] of text.split('\n').entries()) {
    const [capability, ...limits] = line.trim().split(/\s+/);
    if (capability === undefined || capability === '') continue;
    const max: Record<string, number> = {};
    for (const limit of limits) {
      if (limit === NOTHING && limits.length === 1) continue;
      const match = /^([a-z][a-z0-9_]*)=(\d{1,15})$/.exec(limit);
      if (match?.[1] === undefined) return { fault: `Line ${i + 1}: "${limit}" is not a unit and a whole number.` };
      max[match[1]] = Number(match[2]);
    }
    authority.push(limits.length === 0 ? { capability } : { capability, max });
  }
  return authority;
}

/** `payments.* up to $5,000.00 · …`, in a word where there is none. */
export function authorityWords(
  authority: Person['authority'],
  amountWords: (unit: string, amount: number) => string,
): string {
  if (authority === null) return 'anything';
  if (authority.length === 0) return 'nothing';
  return authority
    .map(({ capability, max }) => {
      const limits = Object.entries(max ?? {}).map(([unit, amount]) => amountWords(unit, amount));
      if (max === undefined) return capability;
      return `${capability} up to ${limits.length === 0 ? NOTHING : limits.join(', ')}`;
    })
    .join(' · ');
}
