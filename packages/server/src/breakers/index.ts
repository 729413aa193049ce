export { type Watch, watchBreakers } from './watch.ts';
