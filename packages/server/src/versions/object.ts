/** What decides, as objects under change control: each has a document, and each content it ever had has a number and a hash. */
import { hash } from 'node:crypto';
import { canonicalJson, parseJson } from '@hivekey/action-log';
import type { FrozenChange, JsonValue } from '@hivekey/policy';
import type { ClientBase, Pool } from 'pg';
import type { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';

export const OBJECT_TYPES = [
  /** By name; its role file. */
  'role',
  /** `*`; `{guards}`. */
  'workspace_guards',
  /** By name, declared ones; its capability file. What a server brings is a `definition`. */
  'capability',
  /** By name; its freeze file. */
  'freeze',
  /** `*`; its sources file. */
  'sources',
  /** By id of the agent; `{roles}` in their order. */
  'assignment',
  /** By namespace; where an MCP server is and what it is given, as it is registered, with its server map; credentials by reference. */
  'mcp_server',
  /** By namespace; as `mcp_server`, of an HTTP API. */
  'http_api',
  /** By capability; what a server offers and a person has let in: `{source, kind, name, access, pin, status}`. */
  'definition',
  /** By id of the person; `{authority, groups, roles}`: what they may approve and do. */
  'person_authority',
  /** By name; its document. */
  'breaker',
  /** By the reference of a shipped rule, or the name of one of the workspace; what is set about it. */
  'detection',
  /** `*`; when who is told. */
  'approval_reminders',
  /** `*`; how agents are let in. */
  'agent_settings',
  /** `*`; which stops take two people. */
  'containment_settings',
  /** `*`; whether and how changes are reviewed. */
  'change_settings',
] as const satisfies readonly Exclude<FrozenChange, '*'>[];

export type ObjectType = (typeof OBJECT_TYPES)[number];

export interface ObjectRef {
  readonly type: ObjectType;
  /** `*` where the workspace has one of it. */
  readonly id: string;
}

/** `sha256:<hex>` of the canonical form (RFC 8785) of a document. */
export function contentHash(document: JsonValue): string {
  return `sha256:${hash('sha256', canonicalJson(document))}`;
}

/** A value of the program as it stands in a document: without what is undefined. */
export function documentOf(value: object): JsonValue {
  const document: JsonValue = parseJson(JSON.stringify(value));
  return document;
}

/** What a schema says of a document, or its problems as one Failure with this code. */
export function shaped<T extends z.ZodType>(schema: T, document: unknown, code: string, what: string): z.output<T> {
  const read = schema.safeParse(document);
  if (read.success) return read.data;
  const problems = read.error.issues.map(({ code: kind, message, path }) => ({
    code: kind,
    message,
    remedy: 'See docs/reference/changes.md for the shape.',
    path: path.join('.'),
  }));
  const [first] = problems;
  const where =
    first === undefined ? 'cannot be read' : `${first.path === '' ? '' : `${first.path}: `}${first.message}`;
  throw new Failure(422, code, `${what} is not valid: ${where}.`, 'Correct the places in problems.', problems);
}

/**
 * How change control reads and writes objects of one type. The document is what is shown, compared, hashed and stored; what
 * is not in it (times, authors, counts) is no part of the object.
 */
export interface ControlledType {
  readonly type: ObjectType;
  /** Whether a change of it is a new revision of the policy. */
  readonly isPolicy: boolean;
  /** What was sent as the document of `id`, checked and in the form that is stored. Throws the Failure of the type (`role_invalid`, …). */
  parse(id: string, document: unknown): JsonValue;
  /** Every object of the type that is there now, by id. One statement. */
  list(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<ReadonlyMap<string, JsonValue>>;
  /** Undefined: there is none. */
  read(client: Pool | ClientBase, workspaceId: WorkspaceId, id: string): Promise<JsonValue | undefined>;
  /**
   * Makes `document` what is there (null: removes it), with the record that a direct edit leaves, and without publishing the
   * policy or storing a version: the caller does both, once. Throws what a direct edit throws.
   */
  apply(transaction: LoggedTransaction, who: Administrator, id: string, document: JsonValue | null): Promise<void>;
  /** Whether what is taken away held something else back, so that with it gone more is allowed. Left out: it never does. */
  setsFree?(client: Pool | ClientBase, workspaceId: WorkspaceId, before: JsonValue, after: JsonValue): Promise<boolean>;
}
