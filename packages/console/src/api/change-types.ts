/** Parts of changes that are named here alone; the rest is the SDK's. */
import type { ChangeSummary, PreviewDocument } from '@hivekey/sdk';

export type {
  Change,
  ChangeComment,
  ChangedObject,
  ChangeRequirement,
  ChangeSettings,
  ChangeSettingsDocument,
  ChangeStatus,
  ChangeSummary,
  Drift,
  DriftFinding,
  PolicyCode,
  Preview,
  PreviewDirection,
  PreviewDocument,
} from '@hivekey/sdk';

export type ChangeClass = ChangeSummary['class'];
export type ChangeRisk = NonNullable<ChangeSummary['risk']>;
export type RadiusMove = PreviewDocument['blast_radius']['named'][number]['numbers'][number];
