/** What a button is given, and what it gives back. */
import type { ApiContext } from '../../api/route.ts';
import type { WorkspaceId } from '../../ids.ts';

export interface Press {
  readonly workspaceId: WorkspaceId;
  readonly actor: string;
  /** Of the engagement. */
  readonly from: Date;
  readonly to: Date;
  readonly agent?: string | undefined;
  readonly entry?: string | undefined;
  readonly report?: string | undefined;
}

export interface Shown {
  /** Whether it came out as the script says it does. */
  readonly shown: boolean;
  /** In one sentence. */
  readonly said: string;
  /** What was measured, as JSON. */
  readonly facts: Readonly<Record<string, unknown>>;
}

export type Button = (context: ApiContext, press: Press) => Promise<Shown>;
