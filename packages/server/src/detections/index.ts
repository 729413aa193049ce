/** Detections: rules over the sealed log, what they find, what is done about it, and how they are tested. */
export { readCatalogue } from './catalogue.ts';
export { detectionType } from './controlled.ts';
export { type DetectionWatch, watchDetections } from './evaluator.ts';
export { watchRuleTests } from './follow.ts';
