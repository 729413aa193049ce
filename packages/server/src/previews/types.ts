/** How others ask for previews. Made in previews/index.ts. */
import type { ChangeOperation } from '../changes/index.ts';
import type { WorkspaceId } from '../ids.ts';
import type { Preview, PreviewDocument } from './preview.ts';

/** A behaviour test as text, of kind PolicyTest. */
export interface TestDocument {
  readonly name: string;
  readonly text: string;
}

export interface PreviewRequest {
  /** As their types have parsed them. */
  readonly operations: readonly ChangeOperation[];
  /** Sent along with the change; those that the workspace keeps are run anyway. */
  readonly tests?: readonly TestDocument[];
}

export interface Previews {
  /**
   * Without the replay, and not stored: fast enough to ask as somebody types. Nothing is locked. Throws the Failure of a
   * type for a document that is none.
   */
  preview(workspaceId: WorkspaceId, request: PreviewRequest): Promise<PreviewDocument>;
  /**
   * Stores what the reviewers will see. The log of the last `replayDays` (30; 0: none) is replayed in a thread: until
   * then it is `running`.
   */
  start(workspaceId: WorkspaceId, request: PreviewRequest & { readonly replayDays?: number }): Promise<Preview>;
  find(workspaceId: WorkspaceId, id: string): Promise<Preview | undefined>;
  /** Waits for what this node replays now; for tests and a stop. */
  settled(): Promise<void>;
  close(): Promise<void>;
}
