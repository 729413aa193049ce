/** What a receiver has after an outage, two kills and faults: everything once or more, in order, and the ledger says so. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { newDatabase } from '../setup/database.ts';
import { runOutage } from './outage.ts';
import { killAll } from './process.ts';

const RECORDS = 12_000;

const database = newDatabase();
const folder = mkdtempSync(join(tmpdir(), 'hivekey-outage-'));
afterAll(async () => {
  killAll();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

it(`delivers ${RECORDS} records through an outage, two kills and a fifth of requests that fail`, {
  timeout: 240_000,
}, async () => {
  const { days, ...report } = await runOutage({
    databaseUrl: database.url,
    folder,
    records: RECORDS,
    // Half an hour of it, on one day or two.
    perSecond: RECORDS / 1_800,
    faultRate: 0.2,
  });
  expect(report).toMatchObject({ lost: 0, changed: 0, outOfOrder: 0 });
  expect(report.inLog).toBeGreaterThanOrEqual(RECORDS);
  expect(report.duplicates).toBeGreaterThan(0);
  const sum = (name: string) => days.reduce((all, day) => all + Number(day[name]), 0);
  expect(sum('produced')).toBe(report.inLog);
  expect(sum('accepted')).toBe(report.inLog);
  expect(sum('rejected')).toBe(0);
  expect(sum('gap_minutes')).toBeGreaterThan(29);
  expect(Math.max(...days.map(({ max_lag_s: lag }) => Number(lag)))).toBeGreaterThan(29 * 60);
});
