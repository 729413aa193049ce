/** Questions to the log, as the API answers them. Times are epoch seconds. */

export interface LogHistogram {
  readonly object: 'log_histogram';
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  readonly bucket_seconds: number;
  /** `counted`: kept as entries come; `scanned`: row by row for this answer. Both are exact. */
  readonly source: 'counted' | 'scanned';
  readonly total: number;
  /** Those with entries. */
  readonly buckets: readonly {
    readonly at: number;
    readonly total: number;
    readonly allow: number;
    readonly deny: number;
    readonly review: number;
    readonly none: number;
  }[];
}

export type LogFacetBy =
  | 'agent'
  | 'owner'
  | 'action'
  | 'server'
  | 'reason_class'
  | 'kind'
  | 'verdict'
  | 'tool'
  | 'outcome';

export interface LogFacet {
  readonly object: 'log_facet';
  readonly by: LogFacetBy;
  readonly from: number;
  readonly to: number;
  readonly source: 'counted' | 'scanned';
  /** How many different ones there are. */
  readonly values: number;
  /** `name`: the handle of an agent. */
  readonly top: readonly { readonly value: string; readonly name: string | null; readonly n: number }[];
}

export interface AgentActivity {
  readonly object: 'agent_activity';
  readonly agent: string;
  readonly agent_id: string;
  readonly from: number;
  readonly to: number;
  readonly entries: number;
  readonly kinds: Readonly<Record<string, number>>;
  readonly verdicts: Readonly<Record<string, number>>;
  readonly days: readonly {
    readonly at: number;
    readonly allow: number;
    readonly deny: number;
    readonly review: number;
  }[];
  /** Null where it made no calls, or too many to look at each (`complete` is false then). */
  readonly calls: {
    readonly first_seq: number;
    readonly last_seq: number;
    readonly first_event: string;
    readonly last_event: string;
    readonly decisions: number;
    readonly missing: number;
    readonly actions: readonly {
      readonly action: string;
      readonly allow: number;
      readonly deny: number;
      readonly review: number;
    }[];
    readonly units: Readonly<Record<string, number>>;
    readonly owners: readonly { readonly owner: string; readonly from: number; readonly to: number }[];
    readonly tokens: number;
    readonly on_behalf: number;
  } | null;
  readonly complete: boolean;
  readonly checkpoint: { readonly tree_size: number; readonly at: number } | null;
}

/** Members of the query of `GET /v1/audit/events`. */
export type LogFilter = Readonly<Record<string, string>>;

export interface LogQuery {
  readonly id: string;
  readonly object: 'log_query';
  readonly name: string;
  readonly description: string;
  readonly filter: LogFilter;
  /** So long up to now, in place of `from` and `to`. */
  readonly last_seconds: number | null;
  readonly shared: boolean;
  readonly owner: string;
  readonly mine: boolean;
  readonly updated_at: number;
}

export interface LogPreset {
  readonly object: 'log_preset';
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** Members of the filter that are to be filled in. */
  readonly needs: readonly string[];
  readonly filter: LogFilter;
  readonly last_seconds: number | null;
}
