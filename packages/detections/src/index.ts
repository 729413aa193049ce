/** Detections over the action log: Sigma rules, native rules, their evaluation and their tests. Pure. */
export type { RuleProblem } from './documents/problems.ts';
export { createEngine, ENGINE_VERSION } from './engine.ts';
export { nameIn, TARGETS, type Target } from './export/fields.ts';
export { type Query, readQueries } from './export/queries.ts';
export { exportSigma } from './export/sigma.ts';
export { type LoadedRules, type LoadOptions, loadRules, type RuleFile } from './load.ts';
export { shippedRules } from './shipped.ts';
export { reportNote, type TestReport, testReport } from './testing/report.ts';
export { BadSample, type CheckpointLine, checkpointEvent, entryEvent, readSample } from './testing/samples.ts';
export {
  type FiredFinding,
  type RuleSamples,
  type RuleTest,
  SAMPLES,
  type SampleName,
  testRule,
} from './testing/test-rule.ts';
export type {
  Engine,
  EngineState,
  EngineStats,
  EvaluatorError,
  Finding,
  FlatEvent,
  Level,
  Outside,
  ParameterDocument,
  ParameterValue,
  Rule,
  RuleDocument,
  Taken,
} from './types.ts';
export { LEVELS } from './types.ts';
