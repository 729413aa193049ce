import { describe, expect, it } from 'vitest';
import type { Breaker, Containment, Rehearsal } from '../src/api/types.ts';
import { documentOf, draftOf, EMPTY } from '../src/rooms/containment/breaker-file.ts';
import { nodeWords } from '../src/rooms/containment/node-words.ts';
import { measuredWords, responseWords, tripWords } from '../src/rooms/containment/words.ts';
import { exceptionsOf, markOf, readSources, withMark, writeSources } from '../src/rooms/signals/sources-file.ts';

const breaker: Breaker = {
  object: 'breaker',
  name: 'half',
  signal: 'denials',
  threshold: 0.125,
  window_seconds: 90,
  min_calls: 10,
  roles: ['billing'],
  role: 'minimal',
  action: 'quarantine',
  exit: 'automatic',
  cooldown_seconds: 600,
  trial_calls: 5,
  author: 'key:ops',
  updated_at: 0,
  agents: [],
};

const stop: Containment = {
  id: 'stop_1',
  object: 'containment',
  scope: 'agent',
  target: 'billing-bot',
  reason: '',
  actor: 'key:ops',
  ordered_at: 0,
  effective_at: null,
  lifted_at: null,
  lifted_by: null,
  proposal: null,
  lift_proposal: null,
  rehearsal: null,
  receipt: {
    ordered_at: '2026-01-02T10:00:00.000Z',
    committed_at: '2026-01-02T10:00:00.010Z',
    effective_at: null,
    first_refusal_ms: null,
    agents: [],
    calls: [],
    sessions_closed: 0,
    approvals_cancelled: 0,
    nodes: [],
    event_id: 'evt_1',
  },
};

const measured: NonNullable<Rehearsal['result']> = {
  failure: null,
  containment: null,
  ordered_at: null,
  commit_ms: null,
  first_refusal_ms: null,
  call_aborted_ms: null,
  session_closed_ms: null,
  slowest_ms: null,
  entrances: [],
  tools: [],
  call: null,
};

describe('a breaker in words', () => {
  it.each([
    ['denials', 0.5, '50% or more of at least 10 calls are denied within 5 min'],
    ['errors', 0.125, '12.5% or more of at least 10 finished calls fail within 5 min'],
    ['probes', 1, '1 call of tools that the agent does not have within 5 min'],
    ['spend', 5_000, '$50.00 or more spent within 5 min'],
  ] as const)('%s', (signal, threshold, words) => {
    expect(tripWords({ signal, threshold, window_seconds: 300, min_calls: 10, unit: 'usd' })).toBe(words);
  });

  it('says what follows', () => {
    const base = { cooldown_seconds: 900, action: 'quarantine', exit: 'automatic' } as const;
    expect(responseWords(base)).toBe('quarantine, on trial after 15 min');
    expect(responseWords({ ...base, exit: 'reviewed', role: 'minimal' })).toBe(
      'quarantine as minimal, until a person releases it',
    );
    expect(responseWords({ ...base, action: 'kill' })).toBe('kill, until a person restores the agent');
  });
});

describe('a breaker in the form', () => {
  it('comes back as it was', () => {
    const { signal, threshold, window_seconds, min_calls, roles, role } = breaker;
    const { action, exit, cooldown_seconds, trial_calls } = breaker;
    const counts = { signal, threshold, window_seconds, min_calls, roles, role };
    expect(documentOf(draftOf(breaker))).toEqual({ ...counts, action, exit, cooldown_seconds, trial_calls });
  });

  it('is none while a number is missing, and reviews after a kill', () => {
    expect(documentOf({ ...EMPTY, limit: '' })).toBeUndefined();
    expect(documentOf({ ...EMPTY, windowMinutes: 0 })).toBeUndefined();
    expect(documentOf({ ...EMPTY, action: 'kill', exit: 'automatic', role: 'minimal' })).toMatchObject({
      exit: 'reviewed',
    });
    expect(documentOf({ ...EMPTY, signal: 'spend', limit: 500 })).toMatchObject({ threshold: 500, unit: 'usd' });
  });
});

it('nodes are told by the newest stop that each was asked for', () => {
  const heardBy = (id: string, nodes: Containment['receipt']['nodes']): Containment => ({
    ...stop,
    id,
    receipt: { ...stop.receipt, nodes },
  });
  const stops = [
    heardBy('new', [{ node: 'b', effective_at: '2026-01-02T10:00:00.040Z' }]),
    heardBy('old', [
      { node: 'b', effective_at: null },
      { node: 'a', effective_at: null },
    ]),
  ];
  expect(nodeWords(stops).map(({ node, ms, stop: { id } }) => [node, ms, id])).toEqual([
    ['a', undefined, 'old'],
    ['b', 40, 'new'],
  ]);
});

it('a rehearsal says what went wrong and what was measured', () => {
  const words = (failure: string | null, slowest_ms: number | null) =>
    measuredWords({ status: 'failed', target_ms: 1_000, result: { ...measured, failure, slowest_ms } });
  expect(words(null, 53.24)).toBe('slowest after 53.2 ms of 1,000 ms allowed');
  expect(words('not_refused', 53)).toMatch(/^something was not refused; slowest/);
  expect(words('node_lost', null)).toBe('its node was lost while it ran; nothing was measured');
  expect(measuredWords({ status: 'running', target_ms: 1_000, result: null })).toBe('being measured');
});

describe('the document of sources', () => {
  const document = {
    apiVersion: 'policy.hivekey.ai/v1',
    kind: 'Sources',
    trusted: ['crm.*', 'mail.read'],
    untrusted: ['mail.*'],
    unmarked: 'untrusted',
  } as const;

  it('is read as it is written, and not where it is none', () => {
    expect(readSources(writeSources(document))).toEqual(document);
    for (const text of [
      '',
      '[',
      'kind: Sources',
      'apiVersion: a\nkind: b\ntrusted: crm',
      'apiVersion: a\nkind: b\nunmarked: c',
    ])
      expect(readSources(text), text).toBeUndefined();
  });

  it('marks each pattern once, and tells what is marked otherwise', () => {
    expect(markOf(document, 'mail.*')).toBe('untrusted');
    expect(exceptionsOf(document, 'mail')).toEqual(['mail.read trusted']);
    const trusted = withMark(document, 'mail.*', 'trusted');
    expect(trusted).toMatchObject({ trusted: ['crm.*', 'mail.*', 'mail.read'], untrusted: [] });
    expect(markOf(withMark(trusted, 'mail.*', 'unmarked'), 'mail.*')).toBe('unmarked');
  });
});
