/** Blast radii, and what use says could be taken away: the SDK's types, as they come in lists. */
import type { LeastPrivilegePeriod, LeastPrivilegeProposal } from '@hivekey/sdk';
import type { List } from './types.ts';

export type {
  AgentBlastRadius,
  BlastRadius,
  BlastRadiusWhatIf,
  LeastPrivilegeProposal,
  RadiusAmount,
  RadiusLine,
} from '@hivekey/sdk';

export interface Proposals extends List<LeastPrivilegeProposal> {
  readonly period: LeastPrivilegePeriod;
}
