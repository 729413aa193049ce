/** What an answered call really spent, where its capability says how the answer tells it. */
import type { Capability, Settlement, SettleRule } from '../model.ts';
import { isObject } from '../values/json.ts';
import { currencyOf } from '../values/money.ts';
import { type Measure, ruleMeasure } from './measure.ts';

interface SettledUnit {
  readonly unit: string;
  /** Undefined where only errors settle. */
  readonly measure: Measure | undefined;
  readonly releasesErrors: boolean;
}

/**
 * Undefined when no unit of the capability settles. An answer that does not hold a proper amount tells nothing of
 * that unit: what was reserved stays spent.
 */
export function settlementOf(capability: Capability | undefined): Settlement | undefined {
  const units = Object.entries(capability?.impact ?? {}).flatMap(([unit, { settle }]): SettledUnit[] =>
    settle === undefined
      ? []
      : [{ unit, measure: measureOf(unit, settle), releasesErrors: settle.errors === 'release' }],
  );
  if (units.length === 0) return undefined;
  return ({ isError, content }) => {
    const spent: Record<string, number> = {};
    for (const { unit, measure, releasesErrors } of units) {
      if (isError) {
        if (releasesErrors) spent[unit] = 0;
        continue;
      }
      const amount = measure === undefined || !isObject(content) ? -1 : measure(content);
      if (amount >= 0) spent[unit] = amount;
    }
    return spent;
  };
}

function measureOf(unit: string, { field, length, minor, currencyField }: SettleRule): Measure | undefined {
  if (length !== undefined) return ruleMeasure({ kind: 'length', field: length });
  if (field === undefined) return undefined;
  const currency = currencyOf(unit);
  return ruleMeasure({
    kind: 'field',
    field,
    ...(currency === undefined ? {} : { currency }),
    ...(minor === undefined ? {} : { minor }),
    ...(currencyField === undefined ? {} : { currencyField }),
  });
}
