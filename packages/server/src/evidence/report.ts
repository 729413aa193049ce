/**
 * What every piece of evidence is for the rest: a report with fixed tables, read for a period from one snapshot of the database.
 * Each folder that has evidence makes its own; `reports.ts` lists them all. The same definition serves console, API, files and bundle,
 * so that their counts are one count.
 */
import type { Facts, Json, Period, Row, TableShape } from '@hivekey/evidence';
import type { PoolClient } from 'pg';
import type { ApiContext } from '../api/route.ts';
import type { WorkspaceId } from '../ids.ts';

export interface ReportScope {
  /** In a REPEATABLE READ READ ONLY transaction: everything is read as of one instant. */
  readonly client: PoolClient;
  /** No more than a thread of its own can have, too (evidence-bundles/thread.ts): nothing is written while a report is read. */
  readonly context: Pick<ApiContext, 'pool' | 'log' | 'config' | 'version' | 'url' | 'worlds'> & {
    readonly approvals: Pick<ApiContext['approvals'], 'vault'>;
  };
  readonly workspaceId: WorkspaceId;
  readonly period: Period;
  /** Instant of the snapshot, ISO 8601 UTC. */
  readonly asOf: string;
  /** What else narrows it, e.g. `{agent: "ap-bot"}`; names are those of `Report.parameters`. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** A file that is no table: a diff, what an approver saw, a drawing. */
export interface Attachment {
  /** Relative to the folder of the report, e.g. `diffs/CHG-0412.diff`; letters, digits, `.`, `_`, `-` and `/`. */
  readonly path: string;
  readonly bytes: Uint8Array | AsyncIterable<Uint8Array>;
}

export interface ReportContent {
  /** By name of the table; each is read once, to its end, one after the other in the order of the shapes. */
  readonly rows: Readonly<Record<string, AsyncIterable<Row>>>;
  /** Asked after all rows were read. `control_totals` are computed from the rows, `source_counts` by queries of their own. */
  readonly facts: () => Promise<Readonly<Record<string, Facts>>>;
  readonly attachments?: () => AsyncIterable<Attachment>;
}

export interface Report {
  /** E.g. `agents`; also the last part of its route and the stem of its IPE file. */
  readonly id: string;
  /** Folder of the bundle, e.g. `01_inventory`. */
  readonly folder: string;
  /** Number of the evidence item, 1 to 9; 0 for what goes along. */
  readonly item: number;
  readonly title: string;
  /** In plain words: what a reader sees, and why it proves something. */
  readonly about: string;
  /** Ids of controls, e.g. `AG-01`. */
  readonly controls: readonly string[];
  readonly tables: readonly TableShape[];
  /** SQL or words that say exactly how the population is selected; printed in the header. */
  readonly query: string;
  readonly parameters?: Readonly<Record<string, string>>;
  /** Whether somebody signs or reads it on paper, so that there is a PDF too. */
  readonly pdf?: boolean;
  readonly read: (scope: ReportScope) => Promise<ReportContent>;
  /** More for the header, e.g. thresholds that were in force. */
  readonly about_parameters?: (scope: ReportScope) => Promise<Readonly<Record<string, Json>>>;
}
