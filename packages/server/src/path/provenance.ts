/**
 * Where what leads to a call came from. The gateway derives it from what it has handed to the agent; nothing that an
 * agent sends has a part in it.
 *
 * A session that the gateway itself gave out (MCP up to 2025-11-25) has a mark of its own: it is set with the permit
 * of the first call whose content is not trusted, before that content exists, and nothing takes it off. Everything
 * else goes by the agent: what an agent calls a session is its own word. There, every call is untrusted for an hour
 * after the last such permit, whichever way that came.
 */
import type { Decision, Provenance } from '@hivekey/policy';
import type { ClientBase } from 'pg';
import type { Gate, GatedCall, Ruling } from '../log/index.ts';
import type { Action, Principal } from './types.ts';

const UNTRUSTED_FOR_MINUTES = 60;
/** Moved on only when less than that is left, and then to this much more: one write in so many minutes, not one a call. */
const SLACK_MINUTES = 15;
const MINUTE_MS = 60_000;

type Subject = Pick<Principal, 'untrustedUntilMs' | 'chain'>;

export function provenanceOf(
  { untrustedUntilMs = 0, chain }: Subject,
  { sessionMark }: Action,
  atMs: number,
): Provenance {
  // What a delegating agent has read may be behind what it has another one do.
  if (chain?.some(({ untrustedUntilMs: until = 0 }) => atMs < until) === true) return 'untrusted';
  if (sessionMark !== undefined) return sessionMark.isUntrusted ? 'untrusted' : 'trusted';
  return atMs < untrustedUntilMs ? 'untrusted' : 'trusted';
}

type Marked = Pick<Principal, 'workspaceId' | 'agentId' | 'untrustedUntilMs'>;

/** Undefined while the agent is marked for long enough. */
export function markGate(principal: Marked, atMs: number): Gate | undefined {
  const { untrustedUntilMs = 0 } = principal;
  return untrustedUntilMs - atMs >= UNTRUSTED_FOR_MINUTES * MINUTE_MS ? undefined : new MarkGate(principal);
}

const MARK = `
UPDATE agent_state SET untrusted_until = clock_timestamp() + make_interval(mins => $4), revision = revision + 1, marks = marks + 1
 WHERE workspace_id = $1 AND agent_id = $2
   AND coalesce(untrusted_until < clock_timestamp() + make_interval(mins => $3), true)`;

/** Marks the agent in the transaction that permits the call, so that every node knows before the content is there. */
class MarkGate implements Gate {
  /** Of many calls at once the first one marks, and none has to be decided again. */
  readonly key = undefined;
  readonly #principal: Marked;
  #isAllowed = false;

  constructor(principal: Marked) {
    this.#principal = principal;
  }

  concerns({ verdict }: Decision): boolean {
    return verdict !== 'deny';
  }

  async read(): Promise<void> {}

  rule(decision: Decision, _call: GatedCall): Ruling {
    this.#isAllowed = decision.verdict === 'allow';
    return { kind: 'ruled', decision, records: [] };
  }

  async write(client: ClientBase): Promise<void> {
    if (!this.#isAllowed) return;
    const { workspaceId, agentId } = this.#principal;
    const values = [workspaceId, agentId, UNTRUSTED_FOR_MINUTES, UNTRUSTED_FOR_MINUTES + SLACK_MINUTES];
    await client.query({ name: 'provenance-mark', text: MARK, values });
  }
}
