import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, type World } from '../agents/world.ts';
import { applyExample, ROLE } from './example.ts';

let world: World;
let agentId: string;

beforeAll(async () => {
  world = await openWorld();
  ({ agentId } = await applyExample(world));
  await world.ok('PUT', '/v1/blast-radius/settings', {
    detection: { seconds: 300, source: 'the monitoring team answers within 5 minutes' },
    revocation: { seconds: 2, source: 'the target of the kill switch' },
  });
});
afterAll(() => world.server.close());

/** Horizon → value, or what there is in its place. */
async function numbers(query: string, unit: string, line = 'alone'): Promise<Record<string, unknown>> {
  const { cells } = await world.ok('GET', `/v1/blast-radius${query}`);
  return Object.fromEntries(
    cells
      .filter((cell: { unit: string; line: string }) => cell.unit === unit && cell.line === line)
      .map(({ horizon, amount }: { horizon: string; amount: { value: number | null; text: string } }) => [
        horizon,
        amount.value ?? amount.text,
      ]),
  );
}

describe('the worked example', () => {
  it.each([
    ['usd', 'alone', [1_000_000, 1_000_000, 1_000_000, 7_000_000]],
    ['usd', 'fooled', [1_000_000, 1_000_000, 1_000_000, 7_000_000]],
    ['records_read', 'alone', [2_000, 2_000, 2_000, 14_000]],
    ['records_changed', 'alone', [50, 50, 300, 2_100]],
    ['records_deleted', 'alone', [0, 0, 0, 0]],
    ['messages', 'alone', [20, 20, 100, 700]],
  ])('%s, %s', async (unit, line, expected) => {
    expect(Object.values(await numbers('?agent=desk-bot', unit, line))).toEqual(expected);
  });
});
