/** What a policy that was in force before says about a recorded call: windows aside, and undefined where the record does not hold what it asks. */
import { parseJson } from '@hivekey/action-log';
import type { FlatEvent } from '@hivekey/detections';
import {
  type CompiledPolicy,
  compilePolicy,
  isJsonObject,
  type JsonValue,
  type StateView,
  watchArguments,
} from '@hivekey/policy';
import type { Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import { findArchived, isIntact } from '../roles/index.ts';
import type { DecideAgain } from './evaluation.ts';

/** Each holds a whole policy. */
const MAX_POLICIES = 50;

export class PoliciesBefore {
  readonly #pool: Pool;
  readonly #workspaceId: WorkspaceId;
  /** By hash; undefined: it cannot be read. */
  readonly #policies = new Map<string, CompiledPolicy | undefined>();

  constructor(pool: Pool, workspaceId: WorkspaceId) {
    this.#pool = pool;
    this.#workspaceId = workspaceId;
  }

  /** Those that may be asked from now on; before they are. */
  async prepare(hashes: Iterable<string>): Promise<void> {
    for (const hash of hashes) {
      if (this.#policies.has(hash)) continue;
      const archived = await findArchived(this.#pool, this.#workspaceId, { kind: 'hash', hash });
      const [oldest] = this.#policies.keys();
      if (this.#policies.size >= MAX_POLICIES && oldest !== undefined) this.#policies.delete(oldest);
      this.#policies.set(hash, archived !== undefined && isIntact(archived) ? compilePolicy(archived.set) : undefined);
    }
  }

  readonly decide: DecideAgain = (call, hash) => {
    const policy = this.#policies.get(hash);
    const args = readJson(call.args);
    const watched = isJsonObject(args) ? watchArguments(args) : undefined;
    if (policy === undefined || watched === undefined) return undefined;
    const { verdict } = policy.evaluate(
      {
        workspaceId: this.#workspaceId,
        agentId: textOf(call.agent_id),
        ownerId: textOf(call.owner),
        roles: Array.isArray(call.roles) ? call.roles.map(String) : [],
        capability: textOf(call.action),
        arguments: watched.arguments,
        ...(typeof call.session_id === 'string' ? { sessionId: call.session_id } : {}),
      },
      stateOf(call),
    );
    return watched.lookedAt.size > 0 ? undefined : verdict;
  };
}

/** As far as every record has it. */
function stateOf({ ts, provenance }: FlatEvent): StateView {
  return {
    atMs: Date.parse(textOf(ts)),
    provenance: provenance === 'trusted' ? 'trusted' : 'untrusted',
    risks: [],
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function readJson(text: unknown): JsonValue | undefined {
  if (typeof text !== 'string') return undefined;
  try {
    const value: JsonValue = parseJson(text);
    return value;
  } catch {
    return undefined;
  }
}
