export { assessmentResults, OSCAL_VERSION } from './assessment-results.ts';
export { componentDefinition } from './component-definition.ts';
export { NOT_TESTED, TEST_RESULT, testResultLines } from './test-results.ts';
export { uuidOf } from './uuid.ts';
