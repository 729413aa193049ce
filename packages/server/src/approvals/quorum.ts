/** Whether those who approved are enough: so many different people, one of its own for each group. Pure. */

export interface Quorum {
  readonly people: number;
  /** At most as many as people. */
  readonly groups: readonly string[];
}

export interface Approver {
  readonly groups: readonly string[];
}

export interface Filled {
  /** Places that are taken, of `people`. */
  readonly places: number;
  /** Groups that nobody speaks for. */
  readonly missingGroups: readonly string[];
}

/**
 * A place for each group, which only its people can take, and places for anybody up to `people`. As many as possible
 * are filled (a maximum matching by augmenting paths), so the order in which people approve does not matter.
 */
export function fillPlaces({ people, groups }: Quorum, approvers: readonly Approver[]): Filled {
  /** Group → index of the approver that speaks for it. */
  const speaker = new Map<string, number>();
  const seat = (approver: number, tried: Set<string>): boolean => {
    for (const group of groups) {
      if (tried.has(group) || approvers[approver]?.groups.includes(group) !== true) continue;
      tried.add(group);
      const current = speaker.get(group);
      if (current === undefined || seat(current, tried)) {
        speaker.set(group, approver);
        return true;
      }
    }
    return false;
  };
  for (const i of approvers.keys()) seat(i, new Set());
  const free = Math.min(people - groups.length, approvers.length - speaker.size);
  return { places: speaker.size + free, missingGroups: groups.filter((group) => !speaker.has(group)) };
}

export function isComplete(quorum: Quorum, approvers: readonly Approver[]): boolean {
  return fillPlaces(quorum, approvers).places === quorum.people;
}
