/** What everything that is sent to receivers outside has in common. */
export { backoffSeconds } from './backoff.ts';
export { Lanes } from './lanes.ts';
export { Poster } from './poster.ts';
export { isAllowedByName, parseTarget, rulesFor } from './target.ts';
