/** Documents in the published shape. What is read in another notation becomes this; what is in it stays as it is. */
import type {
  Capability,
  CounterScope,
  FreezeClass,
  FrozenChange,
  JsonValue,
  Operator,
  PrerequisiteScope,
  Provenance,
  Verdict,
} from '../model.ts';

export const API_VERSION = 'policy.hivekey.ai/v1';

/** `field`, exactly one operator, and for windows who shares the counter and which capabilities are counted. */
export type TestDocument = { readonly field: string } & { readonly [operator in Operator]?: JsonValue } & {
  readonly scope?: CounterScope | PrerequisiteScope;
  /** Of a prerequisite: its argument → the argument of this call. */
  readonly bind?: Readonly<Record<string, string>>;
  readonly over?: readonly string[];
  readonly per?: string;
  readonly unattended?: true;
};

export type WhenDocument =
  | TestDocument
  | { readonly all: readonly WhenDocument[] }
  | { readonly any: readonly WhenDocument[] }
  | { readonly not: WhenDocument };

export interface GuardDocument {
  readonly id: string;
  readonly action: string;
  readonly when: WhenDocument;
  readonly effect: Verdict;
  readonly otherwise?: Verdict;
  /** Evaluated and recorded, never enforced. */
  readonly mode?: 'shadow';
  readonly approval?: ApprovalDocument;
}

/** Who must approve what the guard holds. */
export interface ApprovalDocument {
  readonly people?: number;
  readonly groups?: readonly string[];
  /** `1m` to `30d`. */
  readonly within?: string;
}

export interface RoleDocument {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: 'Role';
  readonly metadata: { readonly name: string; readonly description?: string };
  readonly scope: { readonly allow: readonly string[] };
  readonly guards: readonly GuardDocument[];
}

export interface WorkspaceGuardsDocument {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: 'WorkspaceGuards';
  readonly guards: readonly GuardDocument[];
}

/** A change freeze. What is absent from its scope does not narrow it; the scope itself names something. */
export interface FreezeDocument {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: 'Freeze';
  readonly metadata: { readonly name: string; readonly description?: string };
  readonly time_zone: string;
  readonly starts: string;
  readonly ends: string;
  readonly repeats?: string;
  readonly scope: {
    readonly actions?: readonly string[];
    readonly classes?: readonly FreezeClass[];
    readonly roles?: readonly string[];
    readonly environments?: readonly string[];
    readonly changes?: readonly FrozenChange[];
  };
}

/** Whose content is trusted. */
export interface SourcesDocument {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: 'Sources';
  readonly trusted: readonly string[];
  readonly untrusted: readonly string[];
  readonly unmarked: Provenance;
}

/** Body of `PATCH /v1/roles/:name`: what is absent is unchanged. */
export interface RolePatch {
  readonly description?: string;
  readonly scope?: { readonly allow: readonly string[] };
  readonly guards?: readonly GuardDocument[];
}

export type PolicyDocument =
  | RoleDocument
  | WorkspaceGuardsDocument
  | FreezeDocument
  | SourcesDocument
  | { readonly kind: 'Capability'; readonly capability: Capability };
