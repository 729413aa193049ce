/** Samples that somebody draws from a population of evidence, and the evidence of each row. */
export { samplesReport } from './evidence.ts';
