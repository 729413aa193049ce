/** The tests of the twenty controls, in their order. */
import type { ControlId } from '@hivekey/evidence/controls';
import type { ControlTest } from '../control-test.ts';
import { AG_01 } from './ag-01.ts';
import { AG_02 } from './ag-02.ts';
import { AG_03 } from './ag-03.ts';
import { AG_04 } from './ag-04.ts';
import { AG_05 } from './ag-05.ts';
import { AG_06 } from './ag-06.ts';
import { AG_07 } from './ag-07.ts';
import { AG_08 } from './ag-08.ts';
import { AG_09 } from './ag-09.ts';
import { AG_10 } from './ag-10.ts';
import { AG_11 } from './ag-11.ts';
import { AG_12 } from './ag-12.ts';
import { AG_13 } from './ag-13.ts';
import { AG_14 } from './ag-14.ts';
import { AG_15 } from './ag-15.ts';
import { AG_16 } from './ag-16.ts';
import { AG_17 } from './ag-17.ts';
import { AG_18 } from './ag-18.ts';
import { AG_19 } from './ag-19.ts';
import { AG_20 } from './ag-20.ts';

export const CONTROL_TESTS: readonly ControlTest[] = [
  AG_01,
  AG_02,
  AG_03,
  AG_04,
  AG_05,
  AG_06,
  AG_07,
  AG_08,
  AG_09,
  AG_10,
  AG_11,
  AG_12,
  AG_13,
  AG_14,
  AG_15,
  AG_16,
  AG_17,
  AG_18,
  AG_19,
  AG_20,
];

const BY_ID = new Map(CONTROL_TESTS.map((test) => [test.id, test]));

export function testOf(id: ControlId): ControlTest {
  const test = BY_ID.get(id);
  if (test === undefined) throw new Error(`no test of ${id}`);
  return test;
}
