/** Previews of changes, and the behaviour tests that are run on them. */
import type { Json } from './objects.ts';

/** A behaviour test that the workspace keeps, with how it fares under the policy in force. */
export interface PolicyTest {
  readonly object: 'policy_test';
  readonly name: string;
  /** As it was sent. */
  readonly document: string;
  readonly passed: number;
  readonly failed: number;
  readonly failures: readonly {
    readonly name: string;
    readonly line: number | null;
    readonly differences: readonly string[];
  }[];
  readonly author: string;
  readonly created: number;
  readonly updated_at: number;
}

/** What a change does before it does it. */
export interface Preview {
  readonly object: 'preview';
  /** Null: it was asked for and not stored. */
  readonly id: string | null;
  readonly state: 'running' | 'done' | 'failed';
  /** What an approval names; null until it is done. */
  readonly sha256: string | null;
  readonly created: number;
  readonly error: string | null;
  readonly document: PreviewDocument;
}

/** `narrows` is certain; `neutral` decides nothing; `changes`: neither is known. */
export type PreviewDirection = 'widens' | 'narrows' | 'changes' | 'neutral';

export interface PreviewCell {
  /** `—` refused, `A` allowed, `A≤` within limits, `H` a person decides, `F` frozen. */
  readonly mark: '—' | 'A' | 'A≤' | 'H' | 'F';
  readonly text: string;
  readonly guards: readonly string[];
}

export interface PreviewFinding {
  readonly code: string;
  readonly level: 'error' | 'warning' | 'note';
  readonly origin: string;
  readonly guard: string | null;
  readonly message: string;
  readonly remedy: string;
  readonly path: string;
}

export interface PreviewDocument {
  readonly policy: { readonly revision: number; readonly before: string; readonly after: string };
  readonly direction: PreviewDirection;
  /** One sentence each, what decides first. */
  readonly summary: readonly string[];
  readonly differences: readonly {
    readonly kind: 'role' | 'grant' | 'guard' | 'capability' | 'freeze' | 'sources';
    readonly origin: string;
    readonly direction: PreviewDirection;
    readonly sentence: string;
    readonly action: string | null;
  }[];
  readonly risk: {
    readonly gained: readonly {
      readonly role: string;
      readonly capability: string;
      readonly access: 'read' | 'write' | 'unknown';
      readonly destructive: boolean;
      readonly spends: boolean;
    }[];
    readonly grants_lost: number;
    readonly guards_loosened: number;
    readonly guards_tightened: number;
    readonly guards_changed: number;
    readonly caps_loosened: number;
    readonly approvals_loosened: number;
    readonly workspace_wide: boolean;
  };
  readonly objects: readonly {
    readonly type: string;
    readonly id: string;
    readonly name: string;
    readonly change: 'added' | 'changed' | 'removed' | 'unchanged';
    readonly before: string | null;
    readonly after: string | null;
    readonly fields: readonly { readonly path: string; readonly before?: Json; readonly after?: Json }[];
    readonly fields_left_out: number;
  }[];
  readonly matrix: {
    readonly changed: number;
    readonly cells: readonly {
      readonly role: string;
      readonly capability: string;
      readonly before: PreviewCell;
      readonly after: PreviewCell;
    }[];
  };
  readonly agents: {
    readonly count: number;
    /** The first of them, by name. */
    readonly named: readonly {
      readonly id: string;
      readonly name: string;
      readonly owner: string;
      readonly status: 'active' | 'suspended';
      readonly roles_before: readonly string[];
      readonly roles_after: readonly string[];
    }[];
  };
  /** What wearers of the same roles see. */
  readonly tools: readonly {
    readonly roles: readonly string[];
    readonly agents: number;
    readonly before: number;
    readonly after: number;
    readonly added: readonly string[];
    readonly removed: readonly string[];
    readonly guarded: readonly string[];
  }[];
  readonly lint: { readonly new: readonly PreviewFinding[]; readonly resolved: readonly PreviewFinding[] };
  readonly misfits: readonly {
    readonly origin: string;
    readonly path: string;
    readonly message: string;
    readonly remedy: string;
  }[];
  readonly tests: {
    readonly passed: number;
    readonly failed: number;
    readonly files: readonly {
      readonly name: string;
      readonly source: 'workspace' | 'change';
      readonly passed: number;
      readonly problems: readonly string[];
      readonly failures: readonly {
        readonly name: string;
        readonly differences: readonly string[];
        readonly before: 'passed' | 'failed';
      }[];
    }[];
  };
  readonly blast_radius: {
    readonly subjects: number;
    readonly changed: number;
    readonly named: readonly {
      readonly kind: 'workspace' | 'role' | 'agent';
      readonly id: string | null;
      readonly name: string;
      readonly agents: number;
      readonly numbers: readonly {
        readonly unit: string;
        readonly horizon: string;
        readonly line: 'alone' | 'fooled' | 'bypassed';
        /** In words: `$10,000`, `UNBOUNDED`, `UNKNOWN`. */
        readonly before: string;
        readonly after: string;
        readonly rises: boolean;
        readonly sentence: string;
      }[];
    }[];
  };
  /** Null: it was not asked for, or is running. */
  readonly replay: PreviewReplay | null;
}

type PreviewVerdict = 'allow' | 'deny' | 'review';

export interface PreviewReplay {
  readonly days: number;
  readonly from: string | null;
  readonly to: string | null;
  readonly entries: number;
  readonly replayed: number;
  readonly complete: boolean;
  /** How much was replayed, and what could not be, and why. */
  readonly coverage: string;
  readonly calls: number;
  readonly same: number;
  readonly changed: number;
  readonly not_replayable: number;
  readonly recorded_otherwise: number;
  readonly by: readonly {
    readonly before: PreviewVerdict;
    readonly after: PreviewVerdict;
    readonly rule: string | null;
    readonly calls: number;
  }[];
  readonly not_replayable_by: readonly { readonly why: string; readonly detail: string; readonly calls: number }[];
  readonly touched: readonly { readonly type: string; readonly id: string; readonly calls: number }[];
  readonly changes: readonly {
    readonly seq: number;
    readonly event_id: string;
    readonly ts: string;
    readonly agent: string;
    readonly action: string;
    readonly recorded: PreviewVerdict;
    readonly before: PreviewVerdict;
    readonly after: PreviewVerdict;
    readonly rule: string | null;
    readonly reason: string;
  }[];
}
