/** The tools that agents run themselves: declared capabilities that no MCP server or HTTP API stands behind. */
import type { CompiledPolicy, JsonObject } from '@hivekey/policy';
import type { Pool } from 'pg';
import type { WorkspaceId } from '../../ids.ts';
import { compileArguments, sensitivePathsOf } from '../../upstreams/index.ts';

export interface OwnTool {
  readonly name: string;
  readonly description: string;
  readonly access: 'read' | 'write';
  readonly destructive: boolean;
  readonly inputSchema: JsonObject | null;
  /** An MCP server or HTTP API brings it, so it runs through the gateway and nowhere else. */
  readonly ofServer: boolean;
  readonly sensitivePaths: readonly string[];
  /** Problems in words; empty when the arguments fit. */
  validate(args: JsonObject): readonly string[];
}

interface ToolRow {
  name: string;
  description: string;
  access: 'read' | 'write';
  destructive: boolean;
  input_schema: JsonObject | null;
  of_server: boolean;
}

const TOOLS = `
SELECT c.name, c.description, c.access, c.destructive, c.input_schema,
       c.source = 'discovered' OR EXISTS (
         SELECT FROM mcp_definitions d WHERE d.workspace_id = c.workspace_id AND d.capability = c.name) OR EXISTS (
         SELECT FROM http_operations o WHERE o.workspace_id = c.workspace_id AND o.capability = c.name) AS of_server
  FROM capabilities c WHERE c.workspace_id = $1`;

/**
 * Read once for each policy revision. What is read may be newer than that revision; then the recording
 * transaction finds the decision stale, and everything is looked up again.
 */
export class OwnTools {
  readonly #pool: Pool;
  readonly #byPolicy = new WeakMap<CompiledPolicy, Promise<ReadonlyMap<string, OwnTool>>>();

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** Every capability of the workspace by name. Rejects when the database does not answer. */
  of(workspaceId: WorkspaceId, policy: CompiledPolicy): Promise<ReadonlyMap<string, OwnTool>> {
    const held = this.#byPolicy.get(policy);
    if (held !== undefined) return held;
    const reading = this.#read(workspaceId);
    this.#byPolicy.set(policy, reading);
    reading.catch(() => this.#byPolicy.delete(policy));
    return reading;
  }

  async #read(workspaceId: WorkspaceId): Promise<ReadonlyMap<string, OwnTool>> {
    const { rows } = await this.#pool.query<ToolRow>({ name: 'own-tools', text: TOOLS, values: [workspaceId] });
    return new Map(rows.map((row) => [row.name, toolOf(row)]));
  }
}

function toolOf({ input_schema: inputSchema, of_server: ofServer, ...row }: ToolRow): OwnTool {
  if (inputSchema === null) return { ...row, inputSchema, ofServer, sensitivePaths: [], validate: () => [] };
  let validate: OwnTool['validate'] | undefined;
  let sensitivePaths: readonly string[] | undefined;
  return {
    ...row,
    inputSchema,
    ofServer,
    // Compiled at its first use: a workspace has many capabilities, and an agent few.
    validate: (args) => {
      validate ??= validatorOf(inputSchema);
      return validate(args);
    },
    get sensitivePaths() {
      sensitivePaths ??= sensitivePathsOf(inputSchema);
      return sensitivePaths;
    },
  };
}

function validatorOf(schema: JsonObject): OwnTool['validate'] {
  const compiled = compileArguments(schema);
  // Nothing fits a schema that cannot be used.
  return compiled.ok ? compiled.validate : () => [`the input schema cannot be used: ${compiled.problem}`];
}
