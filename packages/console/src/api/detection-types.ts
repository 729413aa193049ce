/** Detections, as the SDK has them. */
export type {
  Detection,
  DetectionAction,
  DetectionDocument,
  DetectionEvaluator,
  DetectionFinding,
  DetectionRule,
  LiveTest,
  RuleTestDuties,
} from '@hivekey/sdk';
