/** Sets of entry numbers as text, `1-120,123`: ascending runs that do not touch. One text for each set. */

export interface Run {
  readonly first: number;
  readonly last: number;
}

const RUN = /^([1-9]\d{0,14})(?:-([1-9]\d{0,14}))?$/;

/** Adjacent numbers as one run. The numbers ascend. */
export function runsOf(numbers: Iterable<number>): Run[] {
  const runs: Run[] = [];
  let first: number | undefined;
  let last = 0;
  for (const number of numbers) {
    if (first !== undefined && number !== last + 1) {
      runs.push({ first, last });
      first = undefined;
    }
    first ??= number;
    last = number;
  }
  if (first !== undefined) runs.push({ first, last });
  return runs;
}

export function formatRuns(runs: readonly Run[]): string {
  return runs.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}

/** Undefined unless the text is the one form of a set that is not empty. */
export function parseRuns(text: string): Run[] | undefined {
  const runs: Run[] = [];
  let end = -1;
  for (const part of text.split(',')) {
    const match = RUN.exec(part);
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? match?.[1]);
    // A run of one has no dash, and runs that touch are one.
    if (
      match === null ||
      last < first ||
      (match[2] !== undefined && last === first) ||
      (runs.length > 0 && first <= end + 1)
    )
      return undefined;
    runs.push({ first, last });
    end = last;
  }
  return runs;
}

export function countOfRuns(runs: readonly Run[]): number {
  return runs.reduce((sum, { first, last }) => sum + last - first + 1, 0);
}

/** The first number that is in both; undefined when none is. */
export function sharedNumber(a: readonly Run[], b: readonly Run[]): number | undefined {
  let i = 0;
  let j = 0;
  for (;;) {
    const left = a[i];
    const right = b[j];
    if (left === undefined || right === undefined) return undefined;
    const first = Math.max(left.first, right.first);
    if (first <= Math.min(left.last, right.last)) return first;
    if (left.last < right.last) i += 1;
    else j += 1;
  }
}

/** The part of the set between the two numbers, both inclusive. */
export function runsWithin(runs: readonly Run[], first: number, last: number): Run[] {
  return runs
    .filter((run) => run.last >= first && run.first <= last)
    .map((run) => ({ first: Math.max(run.first, first), last: Math.min(run.last, last) }));
}
