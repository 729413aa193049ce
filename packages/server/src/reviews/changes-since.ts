/** What is different since an item was reviewed last, in words: what a reviewer looks at first. Pure. */
import type { Facts, LastReview } from './population.ts';

export interface Now {
  readonly facts: Facts;
  readonly owner: string | null;
  readonly roleVersion: number | null;
}

const MOST_NAMED = 20;
/** Rising by more than this is worth a review by itself. */
const RISE = 1.5;

/** Empty: nothing has changed. */
export function changesSince(last: LastReview | undefined, now: Now): string[] {
  if (last === undefined) return ['Never reviewed before.'];
  const { facts: was } = last;
  const { facts: is } = now;
  const gained = is.capabilities.filter((each) => !was.capabilities.includes(each));
  const lost = was.capabilities.filter((each) => !is.capabilities.includes(each));
  return [
    ...(last.owner === now.owner ? [] : [`The owner is ${now.owner ?? 'nobody'}; it was ${last.owner ?? 'nobody'}.`]),
    ...(gained.length === 0 ? [] : [`Grants more: ${listed(gained)}.`]),
    ...(lost.length === 0 ? [] : [`Grants no longer: ${listed(lost)}.`]),
    ...(last.roleVersion === now.roleVersion
      ? []
      : [`The role is at revision ${now.roleVersion ?? 'none'}; it was at ${last.roleVersion ?? 'none'}.`]),
    ...(was.content === is.content || gained.length + lost.length > 0 ? [] : ['What holds it back has changed.']),
    ...radiusChange(was, is),
    ...(was.granted_at === is.granted_at ? [] : ['It was taken away and given again.']),
    ...(was.summary !== is.summary && was.content === is.content ? ['It is described in other words.'] : []),
  ];
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMED).join(', ');
  return names.length > MOST_NAMED ? `${shown} and ${names.length - MOST_NAMED} more` : shown;
}

/** Whether what can be lost within 24 hours has risen by more than half. What has no number now, and had one, has. */
export function hasRisen(
  was: Pick<Facts, 'blast_radius' | 'blast_radius_usd_24h'>,
  is: Pick<Facts, 'blast_radius' | 'blast_radius_usd_24h'>,
): boolean {
  if (was.blast_radius === null || is.blast_radius === null) return false;
  if (was.blast_radius_usd_24h === null) return false;
  if (is.blast_radius_usd_24h === null) return true;
  return is.blast_radius_usd_24h > was.blast_radius_usd_24h * RISE;
}

function radiusChange(was: Facts, is: Facts): string[] {
  if (was.blast_radius === is.blast_radius && was.blast_radius_usd_24h === is.blast_radius_usd_24h) return [];
  const amount = ({ blast_radius: kind, blast_radius_usd_24h: cents }: Facts): string =>
    cents === null ? (kind ?? 'not computed').toUpperCase() : `USD ${(cents / 100).toFixed(2)}`;
  return [`What can be lost within 24 h is ${amount(is)}; it was ${amount(was)}.`];
}
