export {
  AUTHORITY_CAPABILITIES,
  blastRadius,
  compareAmounts,
  EXCLUDED,
  type RadiusChange,
  radiusChanges,
  radiusInWords,
  type Sweep,
  type SweepCell,
  sweep,
  WELL_KNOWN_UNITS,
} from './blast-radius/index.ts';
export type * from './blast-radius/types.ts';
export { approvalRequirement } from './decide/approval.ts';
export { type Budget, type BudgetSubject, budgetsOf } from './decide/budgets.ts';
export { compilePolicy } from './decide/compile.ts';
export { policyHash } from './decide/hash.ts';
export { payeesOf } from './decide/kept-apart.ts';
export { countedIn } from './decide/plan.ts';
export { quarantineMark } from './decide/quarantine.ts';
export { settle, toldToAgent } from './decide/settle.ts';
export { policyDiff } from './diff/index.ts';
export { type MatrixAnswer, type MatrixOptions, matrixCells, matrixDifference, wearerCells } from './diff/matrix.ts';
export { countsByRole } from './diff/role-items.ts';
export type * from './diff/types.ts';
export { type Shape, shapeOf } from './diff/words.ts';
export { DEFAULT_APPROVAL } from './documents/approval.ts';
export { checkCapability } from './documents/capability.ts';
export {
  parseCapabilityFile,
  parseFreezeFile,
  parsePolicyFile,
  parseRoleFile,
  parseSourcesFile,
  parseWorkspaceGuardsFile,
  readPolicyDocument,
} from './documents/files.ts';
export { checkFit } from './documents/fit.ts';
export { checkFreeze, freezeFromDocument } from './documents/freeze.ts';
export { checkGuards } from './documents/guards.ts';
export { canonicalCapability, covers } from './documents/names.ts';
export { type PolicyReading, type PolicyText, readPolicyTexts } from './documents/policy-texts.ts';
export { type DocumentPath, objectOf, Problems, pathText } from './documents/problems.ts';
export { applyRolePatch, checkRole, checkRolePatch, roleFromDocument } from './documents/role.ts';
export { guardSentence } from './documents/sentence.ts';
export { checkSources } from './documents/sources.ts';
export { type ReadDocument, readDocuments } from './documents/text.ts';
export type * from './documents/types.ts';
export { API_VERSION } from './documents/types.ts';
export { Calendar } from './freezes/calendar.ts';
export { type LintReport, lintTexts, type PlacedFinding } from './lint/files.ts';
export { type Finding, type FindingCode, type FindingLevel, lintPolicy } from './lint/index.ts';
export type * from './model.ts';
export {
  type CaseReport,
  type CounterExample,
  type ProofReport,
  type ProofVerdict,
  prove,
  type Solve,
} from './proofs/prove.ts';
export { type Outcome, type Question, type QuestionTest, questionInWords, type Subject } from './proofs/question.ts';
export { readAction, readQuestionText, type WrittenQuestion } from './proofs/question-text.ts';
export { readTestText } from './proofs/test-text.ts';
export { type ComparisonOptions, type ComparisonResult, ReplayComparison } from './replay/comparison.ts';
export { CLOCK_TOLERANCE_MS } from './replay/counters.ts';
export { watchArguments } from './replay/redacted.ts';
export { Replay, type ReplayedCall, type ReplayOptions, type Unreplayable } from './replay/replay.ts';
export { type ReplayCounts, ReplayTally } from './replay/tally.ts';
export {
  capabilitySchema,
  freezeSchema,
  policyTestSchema,
  roleSchema,
  sourcesSchema,
  workspaceGuardsSchema,
} from './schemas/documents.ts';
export type {
  PolicyCaseResult,
  PolicyFileResult,
  PolicyTestFile,
  PolicyTestProblem,
  PolicyTestReport,
  ReadReference,
} from './testing/run.ts';
export { runPolicyTests } from './testing/run.ts';
export { isObject as isJsonObject } from './values/json.ts';
export { currencyOf, exponentOf, formatUnits } from './values/money.ts';
