/** All measures, in the order of the report. */
import type { Ground } from './company.ts';
import { benchGatewayCost } from './measures/gateway-cost.ts';
import type { Row } from './rows.ts';
import type { Effort } from './run.ts';

export interface Measure {
  /** For `--only`. */
  readonly name: string;
  readonly title: string;
  readonly explanation: string;
  measure(ground: Ground, effort: Effort): Promise<readonly Row[]>;
}

export const MEASURES: readonly Measure[] = [
  {
    name: 'cost',
    title: 'CPU of a call',
    explanation: 'x',
    measure: benchGatewayCost,
  },
];
