/** A readiness run: what was found of every control in one reading, as it is stored, hashed and signed. */
import type { ControlId } from './controls.ts';
import type { ControlState, Counts, Deviation, Exemption, Fraction, Source } from './states.ts';

/** In every file and on every page. */
export const BANNER = "Management's self-assessment. Not an auditor's opinion.";

export interface RunControl {
  readonly id: ControlId;
  readonly title: string;
  readonly statement: string;
  readonly criteria: readonly string[];
  /** Name → what the setting says, as it was enforced when the run was made. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly state: ControlState;
  readonly reason: string;
  readonly population: number;
  readonly deviating: number;
  /** The first of them, by record. */
  readonly deviations: readonly Deviation[];
  readonly enough: boolean;
  readonly occurred: boolean;
  readonly rate: number | null;
  readonly upper_90: number | null;
  readonly sources: readonly Source[];
  readonly exemption: Exemption | null;
  /** Digest of the query text, `sha256:<hex>`. */
  readonly query_sha256: string;
}

export interface RunCriterion {
  readonly id: string;
  readonly title: string;
  readonly state: ControlState;
  readonly controls: readonly ControlId[];
}

/** Members in snake case, as it is printed; ISO 8601 UTC. */
export interface RunDocument {
  readonly banner: string;
  readonly id: string;
  readonly workspace: string;
  readonly environment: string;
  /** Whether the data is made up for showing the product. */
  readonly sample_data: boolean;
  readonly period_from: string;
  readonly period_to: string;
  readonly as_of: string;
  readonly actor: string;
  readonly code_version: string;
  readonly policy_hash: string | null;
  readonly log_size: number;
  readonly log_checkpoint: string | null;
  readonly headline: string;
  readonly counts: Counts;
  readonly coverage: Fraction;
  readonly clean: Fraction;
  readonly controls: readonly RunControl[];
  readonly criteria: readonly RunCriterion[];
}
