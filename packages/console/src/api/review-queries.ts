/** Reads of access reviews. Each key begins with `reviews`. */
import type {
  Review,
  ReviewItem,
  ReviewPolicy,
  ReviewPreview,
  ReviewRecheck,
  ReviewReduction,
  ReviewRemediation,
  ReviewSignature,
  ReviewSummary,
} from '@hivekey/sdk';
import { queryOptions } from '@tanstack/react-query';
import { whileAttended } from '../app/attended.ts';
import { at, get, getAll, send } from './client.ts';

const FRESH_MS = 10_000;

export const reviewsQuery = queryOptions({
  queryKey: ['reviews', 'list'],
  queryFn: ({ signal }) => getAll<ReviewSummary>('/v1/reviews', {}, signal),
  refetchInterval: whileAttended(FRESH_MS),
});

export const reviewPolicyQuery = queryOptions({
  queryKey: ['reviews', 'policy'],
  queryFn: ({ signal }) => get<ReviewPolicy>('/v1/review-policy', {}, signal),
});

export const reviewQueueQuery = queryOptions({
  queryKey: ['reviews', 'queue'],
  queryFn: ({ signal }) => getAll<ReviewItem>('/v1/review-queue', {}, signal),
  refetchInterval: whileAttended(FRESH_MS),
});

export const reviewQuery = (review: string) =>
  queryOptions({
    queryKey: ['reviews', 'one', review],
    queryFn: ({ signal }) => get<Review>(at`/v1/reviews/${review}`, {}, signal),
    refetchInterval: whileAttended(FRESH_MS),
  });

export const reviewItemsQuery = (review: string) =>
  queryOptions({
    queryKey: ['reviews', 'items', review],
    queryFn: ({ signal }) => getAll<ReviewItem>(at`/v1/reviews/${review}/items`, {}, signal),
    refetchInterval: whileAttended(FRESH_MS),
  });

export const reviewRemediationsQuery = (review: string) =>
  queryOptions({
    queryKey: ['reviews', 'remediations', review],
    queryFn: ({ signal }) => getAll<ReviewRemediation>(at`/v1/reviews/${review}/remediations`, {}, signal),
    refetchInterval: whileAttended(FRESH_MS),
  });

export const reviewRechecksQuery = (review: string) =>
  queryOptions({
    queryKey: ['reviews', 'rechecks', review],
    queryFn: ({ signal }) => getAll<ReviewRecheck>(at`/v1/reviews/${review}/rechecks`, {}, signal),
  });

export const reviewSignaturesQuery = (review: string) =>
  queryOptions({
    queryKey: ['reviews', 'signatures', review],
    queryFn: ({ signal }) => getAll<ReviewSignature>(at`/v1/reviews/${review}/signatures`, {}, signal),
  });

export const reviewReductionQuery = (review: string, item: string) =>
  queryOptions({
    queryKey: ['reviews', 'reduction', review, item],
    queryFn: ({ signal }) => get<ReviewReduction>(at`/v1/reviews/${review}/items/${item}/reduction`, {}, signal),
  });

export const reviewPreviewQuery = queryOptions({
  queryKey: ['reviews', 'preview'],
  queryFn: () => send<ReviewPreview>('POST', '/v1/reviews/preview', {}),
});
