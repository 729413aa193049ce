import type { ApiContext } from '../api/route.ts';

/** What reviews work with. */
export type ReviewContext = Pick<
  ApiContext,
  'pool' | 'log' | 'path' | 'upstreams' | 'worlds' | 'controlled' | 'previews' | 'logger' | 'nodeId' | 'clock' | 'url'
>;
