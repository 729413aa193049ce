/** Samples that somebody draws from a population of evidence, and the evidence of each row. */
export { drawSample } from './draw.ts';
export { samplesReport } from './evidence.ts';
export { type EvidencePack, packOf, packSchema } from './pack.ts';
export {
  listSamples,
  type NewSample,
  newSampleSchema,
  readSample,
  type SampleFilter,
  type SampleView,
  sampleItemSchema,
  sampleItems,
  sampleItemView,
  sampleSchema,
  sampleView,
} from './sample.ts';
