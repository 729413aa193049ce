/** Reads of detections. Each key begins with `detections`. */
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { whileAttended } from '../app/attended.ts';
import { at, get, getAll } from './client.ts';
import type {
  Detection,
  DetectionEvaluator,
  DetectionFinding,
  DetectionRule,
  LiveTest,
  RuleTestDuties,
} from './detection-types.ts';
import type { List } from './types.ts';

const FRESH_MS = 5_000;

export const detectionsQuery = queryOptions({
  queryKey: ['detections', 'list'],
  queryFn: ({ signal }) => getAll<Detection>('/v1/detections', {}, signal),
  refetchInterval: whileAttended(15_000),
});

export const detectionQuery = (rule: string) =>
  queryOptions({
    queryKey: ['detections', 'one', rule],
    queryFn: ({ signal }) => get<DetectionRule>(at`/v1/detections/${rule}`, {}, signal),
  });

export const detectionEvaluatorQuery = queryOptions({
  queryKey: ['detections', 'evaluator'],
  queryFn: ({ signal }) => get<DetectionEvaluator>('/v1/detections/evaluator', {}, signal),
  refetchInterval: whileAttended(FRESH_MS),
});

export const findingsQuery = (detection: string) =>
  infiniteQueryOptions({
    queryKey: ['detections', 'findings', detection],
    queryFn: ({ signal, pageParam }) =>
      get<List<DetectionFinding>>(
        '/v1/detections/findings',
        { detection, synthetic: true, cursor: pageParam, limit: 20 },
        signal,
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
    refetchInterval: whileAttended(FRESH_MS),
  });

/** Of one rule, or of all. */
export const liveTestsQuery = (detection?: string) =>
  infiniteQueryOptions({
    queryKey: ['detections', 'live-tests', detection],
    queryFn: ({ signal, pageParam }) =>
      get<List<LiveTest>>('/v1/detections/live-tests', { detection, cursor: pageParam, limit: 30 }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
    refetchInterval: whileAttended(2_000),
  });

export const ruleTestDutiesQuery = queryOptions({
  queryKey: ['detections', 'duties'],
  queryFn: ({ signal }) => get<RuleTestDuties>('/v1/detections/test-duties', {}, signal),
  refetchInterval: whileAttended(15_000),
});
