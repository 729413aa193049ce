import { canonicalJson } from '@hivekey/action-log';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { EventId } from '../../src/ids.ts';
import { placeRecord, resultRecord } from '../../src/log/records.ts';

/** Whatever people and upstreams can put there. */
const word = fc.string({ unit: 'binary', maxLength: 20 }).filter((text) => text.isWellFormed());
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });

it('writes the result of a call in canonical form, whatever is in it and whatever is left out', () => {
  const call = fc.record({
    agentId: word,
    agent: word,
    owner: word,
    callEventId: fc.constant('evt_01JZX00000000000000000001' as EventId),
    action: word,
    tool: word,
    namespace: maybe(word),
    upstreamTool: maybe(word),
    access: maybe(fc.constantFrom('read', 'write')),
    destructive: maybe(fc.boolean()),
    sessionId: maybe(word),
    runId: maybe(word),
  });
  const outcome = fc.record(
    {
      result: fc.constantFrom('success', 'error', 'unknown', 'not_attempted'),
      upstreamCode: fc.integer(),
      upstreamMs: fc.double({ noNaN: true, noDefaultInfinity: true }),
      bytesIn: fc.nat(),
      errorCode: word,
    },
    { requiredKeys: ['result'] },
  );
  const identity = fc.record({ workspace: word, environment: word });
  fc.assert(
    fc.property(call, outcome, identity, fc.nat(), (facts, ended, of, nowMs) => {
      const text = placeRecord(resultRecord(facts, ended, of, 'evt_1' as EventId, nowMs), 'shd_1', 7);
      expect(canonicalJson(JSON.parse(text))).toBe(text);
      expect(JSON.parse(text)).toMatchObject({ kind: 'tool.result', agent: facts.agent, outcome: ended.result });
    }),
  );
});
