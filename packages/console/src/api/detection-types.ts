/** Detections, as the SDK has them. */
export type {
  Detection,
  DetectionAction,
  DetectionDocument,
  DetectionEvaluator,
  DetectionFinding,
  DetectionRule,
  LiveTest,
} from '@hivekey/sdk';
