/** Documents in the published shape. What is read in another notation becomes this; what is in it stays as it is. */
import type { Capability, CounterScope, JsonValue, Operator, Verdict } from '../model.ts';

export const API_VERSION = 'policy.hivekey.ai/v1';

/** `field`, exactly one operator, and for windows who shares the counter and which capabilities are counted. */
export type TestDocument = { readonly field: string } & { readonly [operator in Operator]?: JsonValue } & {
  readonly scope?: CounterScope;
  readonly over?: readonly string[];
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

/** Body of `PATCH /v1/roles/:name`: what is absent is unchanged. */
export interface RolePatch {
  readonly description?: string;
  readonly scope?: { readonly allow: readonly string[] };
  readonly guards?: readonly GuardDocument[];
}

export type PolicyDocument =
  | RoleDocument
  | WorkspaceGuardsDocument
  | { readonly kind: 'Capability'; readonly capability: Capability };
