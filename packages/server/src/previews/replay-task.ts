/** What the thread that replays is given, and what it answers. */
import type { ComparisonResult, PolicySet } from '@hivekey/policy';
import type { WorkspaceId } from '../ids.ts';
import type { ObjectType } from '../versions/index.ts';

export interface ReplayTask {
  /** As the application role. */
  readonly connectionString: string;
  readonly workspaceId: WorkspaceId;
  readonly before: PolicySet;
  readonly after: PolicySet;
  /** Id of an agent whose roles are changed, with both. */
  readonly roles: readonly (readonly [
    string,
    { readonly before: readonly string[]; readonly after: readonly string[] },
  ])[];
  /** Global numbers: from where windows are filled, from where calls are counted, and the last. */
  readonly first: number;
  readonly counted: number;
  readonly last: number;
  /** Calls before it are not counted; epoch milliseconds. */
  readonly sinceMs: number;
  /** Replaying ends after so long, wherever it is. */
  readonly limitMs: number;
  /** Changed calls that are listed. */
  readonly listed: number;
  readonly touched: readonly { readonly type: ObjectType; readonly id: string; readonly pattern: string }[];
}

export interface ReplayAnswer {
  readonly result: ComparisonResult;
  /** Global number of the last entry that was read; `first - 1`: none. */
  readonly readTo: number;
  /** In the order of the task. */
  readonly touched: readonly number[];
}
