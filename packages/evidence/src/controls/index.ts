export { asOfNow } from './as-of-now.ts';
export { upperBound } from './bound.ts';
export {
  CONTROL_IDS,
  CONTROLS,
  type Control,
  type ControlId,
  controlOf,
  PARAMETERS,
  type ParameterName,
  withParameters,
} from './controls.ts';
export { CRITERIA, type CriterionId, isCriterion } from './criteria.ts';
export { BANNER, type RunControl, type RunCriterion, type RunDocument } from './run.ts';
export {
  type ControlState,
  type Counts,
  countStates,
  coverageOf,
  type Deviation,
  type Exemption,
  type Fraction,
  headlineOf,
  type Source,
  STATES,
  type Tested,
  type Verdict,
  verdictOf,
  worstOf,
} from './states.ts';
