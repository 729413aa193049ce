/** The population of the action log, as evidence. */
export { actionLogReport } from './evidence.ts';
