/** Metrics of the streams to SIEMs. A sink is named by its id: there are few, and names may tell of customers. */
import { Counter, Gauge, type Registry } from 'prom-client';

/** What stands of a sink now. */
interface SinkStanding {
  readonly state: string;
  readonly headSeq: number;
  readonly cursorSeq: number;
  /** Age of the oldest entry that is not settled. */
  readonly lagSeconds: number;
  /** For how long entries have waited and none was settled. */
  readonly gapSeconds: number;
  readonly deadLetters: number;
}

export interface SinkObserver {
  settled(
    sink: string,
    counted: {
      readonly events: number;
      readonly bytes: number;
      readonly retries: number;
      readonly duplicates: number;
    },
  ): void;
  failed(sink: string, code: string): void;
  stands(sink: string, standing: SinkStanding): void;
  forget(sink: string): void;
}

export function createSinkMetrics(registry: Registry): SinkObserver {
  const registers = [registry];
  const labelNames = ['sink'] as const;
  const counter = (name: string, help: string) => new Counter({ name, help, labelNames, registers });
  const gauge = (name: string, help: string) => new Gauge({ name, help, labelNames, registers });
  const counters = {
    events: counter('hivekey_sink_events_total', 'Events that a sink has taken, from this node.'),
    bytes: counter('hivekey_sink_bytes_total', 'Bytes of these events, before compression.'),
    retries: counter('hivekey_sink_retries_total', 'Events that were sent again.'),
    duplicates: counter('hivekey_sink_duplicates_total', 'Events of which the receiver said that it had them.'),
  };
  const failures = new Counter({
    name: 'hivekey_sink_failures_total',
    help: 'Attempts that failed, by code.',
    labelNames: ['sink', 'code'],
    registers,
  });
  const gauges = {
    headSeq: gauge('hivekey_sink_head_seq', 'The last entry of the log.'),
    cursorSeq: gauge('hivekey_sink_cursor_seq', 'The last entry up to which all is settled.'),
    lagSeconds: gauge('hivekey_sink_lag_seconds', 'Age of the oldest entry that is not settled.'),
    gapSeconds: gauge('hivekey_sink_gap_seconds', 'For how long entries have waited and none was settled.'),
    deadLetters: gauge('hivekey_sink_dead_letters', 'Entries that are set aside.'),
  };
  const state = new Gauge({
    name: 'hivekey_sink_state',
    help: '1 for the state that the sink is in.',
    labelNames: ['sink', 'state'],
    registers,
  });
  const states = new Map<string, string>();
  return {
    settled: (sink, { events, bytes, retries, duplicates }) => {
      counters.events.inc({ sink }, Math.max(0, events));
      counters.bytes.inc({ sink }, bytes);
      counters.retries.inc({ sink }, retries);
      counters.duplicates.inc({ sink }, duplicates);
    },
    failed: (sink, code) => failures.inc({ sink, code }),
    stands: (sink, { state: now, ...standing }) => {
      gauges.headSeq.set({ sink }, standing.headSeq);
      gauges.cursorSeq.set({ sink }, standing.cursorSeq);
      gauges.lagSeconds.set({ sink }, standing.lagSeconds);
      gauges.gapSeconds.set({ sink }, standing.gapSeconds);
      gauges.deadLetters.set({ sink }, standing.deadLetters);
      const before = states.get(sink);
      if (before !== undefined && before !== now) state.remove({ sink, state: before });
      state.set({ sink, state: now }, 1);
      states.set(sink, now);
    },
    forget: (sink) => {
      for (const each of Object.values(gauges)) each.remove({ sink });
      const before = states.get(sink);
      if (before !== undefined) state.remove({ sink, state: before });
      states.delete(sink);
    },
  };
}
