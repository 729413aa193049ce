/** Reads of sinks. Each key begins with `sinks`. */
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { whileAttended } from '../app/attended.ts';
import { at, get, getAll } from './client.ts';
import type {
  Sink,
  SinkCompleteness,
  SinkDeadLetter,
  SinkKindDetails,
  SinkLedgerDay,
  SinkReplay,
  SinkSkip,
} from './sink-types.ts';
import type { List } from './types.ts';

const FRESH_MS = 5_000;

export const sinkKindsQuery = queryOptions({
  queryKey: ['sinks', 'kinds'],
  queryFn: ({ signal }) => getAll<SinkKindDetails>('/v1/siem/kinds', {}, signal),
  staleTime: Number.POSITIVE_INFINITY,
});

export const sinksQuery = queryOptions({
  queryKey: ['sinks', 'list'],
  queryFn: ({ signal }) => getAll<Sink>('/v1/siem/sinks', {}, signal),
  refetchInterval: whileAttended(FRESH_MS),
});

export const sinkQuery = (sink: string) =>
  queryOptions({
    queryKey: ['sinks', 'one', sink],
    queryFn: ({ signal }) => get<Sink>(at`/v1/siem/sinks/${sink}`, {}, signal),
    refetchInterval: whileAttended(FRESH_MS),
  });

/** `prove`: counted in the log as well. */
export const sinkLedgerQuery = (sink: string, prove: boolean) =>
  queryOptions({
    queryKey: ['sinks', 'ledger', sink, prove],
    queryFn: ({ signal }) =>
      get<List<SinkLedgerDay>>(at`/v1/siem/sinks/${sink}/ledger`, { prove: prove || undefined }, signal).then(
        ({ data }) => data,
      ),
  });

export const sinkCompletenessQuery = (sink: string) =>
  queryOptions({
    queryKey: ['sinks', 'completeness', sink],
    queryFn: ({ signal }) => get<SinkCompleteness>(at`/v1/siem/sinks/${sink}/completeness`, {}, signal),
    enabled: false,
  });

export const sinkDeadLettersQuery = (sink: string) =>
  infiniteQueryOptions({
    queryKey: ['sinks', 'dead-letters', sink],
    queryFn: ({ signal, pageParam }) =>
      get<List<SinkDeadLetter>>(at`/v1/siem/sinks/${sink}/dead-letters`, { cursor: pageParam, limit: 50 }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
    refetchInterval: whileAttended(FRESH_MS),
  });

export const sinkReplaysQuery = (sink: string) =>
  queryOptions({
    queryKey: ['sinks', 'replays', sink],
    queryFn: ({ signal }) => getAll<SinkReplay>(at`/v1/siem/sinks/${sink}/replays`, {}, signal),
    refetchInterval: whileAttended(FRESH_MS),
  });

export const sinkSkipsQuery = (sink: string) =>
  queryOptions({
    queryKey: ['sinks', 'skips', sink],
    queryFn: ({ signal }) => getAll<SinkSkip>(at`/v1/siem/sinks/${sink}/skips`, {}, signal),
    refetchInterval: whileAttended(FRESH_MS),
  });
