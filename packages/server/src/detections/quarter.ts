/** Quarters, by UTC. Pure. */

export interface Quarter {
  /** `2026-Q4` */
  readonly name: string;
  readonly from: Date;
  /** Outside of it. */
  readonly to: Date;
}

export function quarterAt(ms: number): Quarter {
  const at = new Date(ms);
  return quarterOf(at.getUTCFullYear(), Math.floor(at.getUTCMonth() / 3));
}

export function quarterBefore({ from }: Quarter): Quarter {
  return quarterAt(from.getTime() - 1);
}

/** Undefined for what is no name of one. */
export function quarterNamed(name: string): Quarter | undefined {
  const [, year, number] = /^(\d{4})-Q([1-4])$/.exec(name) ?? [];
  return year === undefined || number === undefined ? undefined : quarterOf(Number(year), Number(number) - 1);
}

function quarterOf(year: number, index: number): Quarter {
  return {
    name: `${year}-Q${index + 1}`,
    from: new Date(Date.UTC(year, 3 * index, 1)),
    to: new Date(Date.UTC(year, 3 * index + 3, 1)),
  };
}
