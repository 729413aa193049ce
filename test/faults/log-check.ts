/** The log against what is known from outside it. */
import { expect } from 'vitest';
import { administer } from '../../packages/server/test/actions/workspace.ts';
import { download, entriesOf, verify } from '../../packages/server/test/audit/archive.ts';
import type { ServerProcess } from './process.ts';
import type { Upstream } from './upstream.ts';

export interface LoggedCall {
  readonly eventId: string;
  readonly verdict: string;
  readonly seq: number;
  /** How it ended, by each result on the log. */
  readonly results: readonly string[];
}

/** Exports the log, expects it to verify, and gives its calls of the upstream's tool by their `id` argument. */
export async function verifiedCalls(server: ServerProcess): Promise<ReadonlyMap<string, readonly LoggedCall[]>> {
  const { body } = await administer(server).done('GET', '/v1/audit/key', undefined);
  const files = await download(server.url, server.adminKey);
  const report = await verify(files, body.key);
  expect(report.findings.filter(({ fatal }) => fatal)).toEqual([]);
  expect(report).toMatchObject({ isVerified: true, isWhole: true });
  const calls = new Map<string, LoggedCall[]>();
  const results = new Map<string, string[]>();
  for (const { seq, record } of entriesOf(files)) {
    if (record.kind === 'tool.call') {
      const { args, event_id: eventId, verdict } = record;
      const id = typeof args === 'object' && args !== null && 'id' in args ? String(args.id) : '';
      const ended: string[] = results.get(eventId) ?? [];
      results.set(eventId, ended);
      calls.set(id, [...(calls.get(id) ?? []), { eventId, verdict: String(verdict), seq, results: ended }]);
    } else if (record.kind === 'tool.result') {
      const call = String(record.call_event_id);
      const ended = results.get(call) ?? [];
      ended.push(String(record.outcome));
      results.set(call, ended);
    }
  }
  return calls;
}

/** Each call that reached the upstream came once, and has exactly one intent on the log. */
export function expectIntents(upstream: Upstream, calls: ReadonlyMap<string, readonly LoggedCall[]>): void {
  const arrived = upstream.tally.map(({ id }) => id);
  expect(new Set(arrived).size).toBe(arrived.length);
  const without = arrived.filter((id) => calls.get(id)?.filter(({ verdict }) => verdict === 'allow').length !== 1);
  expect(without).toEqual([]);
}

export function allowed(calls: ReadonlyMap<string, readonly LoggedCall[]>): readonly LoggedCall[] {
  return [...calls.values()].flat().filter(({ verdict }) => verdict === 'allow');
}
