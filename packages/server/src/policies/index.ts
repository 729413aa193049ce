/** Questions about decisions, answered by the engine that decides. */
export { evaluate } from './evaluate.ts';
