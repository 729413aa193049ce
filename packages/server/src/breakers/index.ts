export { breakerType } from './controlled.ts';
export { readBreaker } from './store.ts';
export { tripBreakerIn } from './trip.ts';
export { watchBreakers } from './watch.ts';
