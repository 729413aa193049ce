/** Detections over the action log: Sigma rules, native rules, their evaluation and their tests. Pure. */
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
