/**
 * Uses prerequisites up, and keeps the call as one, in the transaction of its record. What was used meanwhile is not
 * there any more: then the call is decided again.
 */
import type { Decision } from '@hivekey/policy';
import type { ClientBase } from 'pg';
import type { EventId, WorkspaceId } from '../ids.ts';
import type { Gate, GatedCall, Ruling } from '../log/index.ts';

// All keys of an event are locked, in one order: whoever uses it under another key waits.
const LOCK = `
SELECT event_id, bool_or(used_by IS NOT NULL) OVER (PARTITION BY event_id) AS used
  FROM (SELECT event_id, used_by FROM prerequisites WHERE workspace_id = $1 AND event_id = ANY($2)
         ORDER BY event_id, key FOR UPDATE) locked`;

const USE = `UPDATE prerequisites SET used_by = $3 WHERE workspace_id = $1 AND event_id = ANY($2)`;

const KEEP = `
INSERT INTO prerequisites (workspace_id, key, event_id, approved_at)
SELECT $1, key, $3, CASE WHEN $4 THEN clock_timestamp() END FROM unnest($2::text[]) AS key ON CONFLICT DO NOTHING`;

export class PrerequisiteGate implements Gate {
  readonly key: string;
  readonly alsoKeys: readonly string[];
  readonly #workspaceId: WorkspaceId;
  readonly #uses: readonly string[];
  readonly #meets: readonly string[];
  #free: ReadonlySet<string> = new Set();
  #allowed: { readonly eventId: EventId; readonly approved: boolean } | undefined;

  constructor(workspaceId: WorkspaceId, uses: readonly string[], meets: readonly string[]) {
    this.#workspaceId = workspaceId;
    this.#uses = uses;
    this.#meets = meets;
    const keys = uses.map((eventId) => `prerequisite ${eventId}`);
    this.key = keys[0] ?? `prerequisite for ${meets.join(' ')}`;
    this.alsoKeys = keys.slice(1);
  }

  concerns({ verdict }: Decision): boolean {
    return verdict !== 'deny';
  }

  async read(client: ClientBase): Promise<void> {
    if (this.#uses.length === 0) return;
    const { rows } = await client.query<{ event_id: string; used: boolean }>({
      name: 'prerequisites-lock',
      text: LOCK,
      values: [this.#workspaceId, this.#uses],
    });
    this.#free = new Set(rows.flatMap(({ event_id, used }) => (used ? [] : [event_id])));
  }

  rule(decision: Decision, { eventId }: GatedCall, approvalId?: string): Ruling {
    this.#allowed = undefined;
    if (decision.verdict === 'allow') {
      if (!this.#uses.every((each) => this.#free.has(each))) return { kind: 'stale' };
      this.#allowed = { eventId, approved: approvalId !== undefined };
    }
    return { kind: 'ruled', decision, records: [] };
  }

  async write(client: ClientBase): Promise<void> {
    if (this.#allowed === undefined) return;
    const { eventId, approved } = this.#allowed;
    const sent: Promise<unknown>[] = [];
    if (this.#uses.length > 0)
      sent.push(
        client.query({ name: 'prerequisites-use', text: USE, values: [this.#workspaceId, this.#uses, eventId] }),
      );
    if (this.#meets.length > 0) {
      const values = [this.#workspaceId, this.#meets, eventId, approved];
      sent.push(client.query({ name: 'prerequisites-keep', text: KEEP, values }));
    }
    await Promise.all(sent);
  }
}
