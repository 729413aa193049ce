export { watchBreakers } from './watch.ts';
