/** What is reviewed, and how often. Pure. */

export const ITEM_TYPES = [
  /** A role that an agent wears. */
  'assignment',
  /** What a role grants. */
  'role',
  /** A token, key, federation rule or connection of an agent, or an admin key. */
  'credential',
  /** A person's say about held calls, handed to another one. */
  'delegation',
  /** What a person may do and approve in HiveKey. */
  'grant',
  /** A pattern by which changes need nobody. */
  'standing_approval',
  /** An account for emergencies. */
  'break_glass',
  /** An exception to a freeze, while it lasts. */
  'temporary_grant',
] as const;
export type ItemType = (typeof ITEM_TYPES)[number];

export const CYCLES = { monthly: 1, quarterly: 3, half_yearly: 6, yearly: 12 } as const;
export type Cycle = keyof typeof CYCLES;
