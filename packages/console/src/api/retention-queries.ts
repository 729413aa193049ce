/** Reads of retention. Each key begins with `retention`. */

import type {
  Disposal,
  LegalHold,
  PlaceOutside,
  RetentionPreview,
  RetentionRequest,
  RetentionSettings,
} from '@hivekey/sdk';
import { queryOptions } from '@tanstack/react-query';
import { whileAttended } from '../app/attended.ts';
import { get, getAll } from './client.ts';

const FRESH_MS = 15_000;

export const retentionQuery = queryOptions({
  queryKey: ['retention', 'settings'],
  queryFn: ({ signal }) => get<RetentionSettings>('/v1/retention', {}, signal),
});

export const retentionPreviewQuery = queryOptions({
  queryKey: ['retention', 'preview'],
  queryFn: ({ signal }) => get<RetentionPreview>('/v1/retention/preview', {}, signal),
});

export const retentionRequestsQuery = queryOptions({
  queryKey: ['retention', 'requests'],
  queryFn: ({ signal }) => getAll<RetentionRequest>('/v1/retention/requests', {}, signal),
  refetchInterval: whileAttended(FRESH_MS),
});

export const legalHoldsQuery = queryOptions({
  queryKey: ['retention', 'holds'],
  queryFn: ({ signal }) => getAll<LegalHold>('/v1/legal-holds', {}, signal),
  refetchInterval: whileAttended(FRESH_MS),
});

export const disposalsQuery = queryOptions({
  queryKey: ['retention', 'disposals'],
  queryFn: ({ signal }) => getAll<Disposal>('/v1/disposals', {}, signal),
  refetchInterval: whileAttended(FRESH_MS),
});

export const placesOutsideQuery = queryOptions({
  queryKey: ['retention', 'outside'],
  queryFn: ({ signal }) => getAll<PlaceOutside>('/v1/redactions/outside', {}, signal),
});
