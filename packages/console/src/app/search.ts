/** What addresses carry, read strictly: anything else counts as absent. */

/** The router reads `?q=12` as a number; here everything is a text. */
export function text(value: unknown): string | undefined {
  const given = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
  return typeof given === 'string' && given !== '' ? given : undefined;
}

export function oneOf<const T extends string>(value: unknown, allowed: readonly T[]): T | undefined {
  return allowed.find((each) => each === value);
}

export function flag(value: unknown): true | undefined {
  return value === true || value === 1 || value === '1' ? true : undefined;
}

/** The parts that are there; all of them may be left out. */
export function optional<T extends object>(parts: T): { [K in keyof T]?: T[K] | undefined } {
  return { ...parts };
}
