/** People who decide about held calls for other people, for a time. */
export { endDelegation } from './change.ts';
export { endDelegationsOf } from './end.ts';
export { type Delegation, delegationsFor, delegationsInForce } from './in-force.ts';
