/** Incidents. Nothing deeper in this folder is imported from outside, but for its routes. */
export { sentenceOf } from './sentences.ts';
