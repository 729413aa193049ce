export { breakerType } from './controlled.ts';
export { watchBreakers } from './watch.ts';
