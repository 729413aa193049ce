/** Several gates of one intent, asked as one. Each rules on what the one before it came to. */
import type { Decision } from '@hivekey/policy';
import type { ClientBase } from 'pg';
import type { Gate, GatedCall, RecordDraft, Ruling } from '../log/index.ts';

/** In the order in which they rule: what may still change the verdict first. Undefined for none. */
export function joinGates(gates: readonly (Gate | undefined)[]): Gate | undefined {
  const [first, ...others] = gates.filter((gate) => gate !== undefined);
  return first === undefined || others.length === 0 ? first : new JoinedGate([first, ...others]);
}

class JoinedGate implements Gate {
  readonly key: string | undefined;
  readonly alsoKeys: readonly string[];
  readonly #gates: readonly Gate[];

  constructor(gates: readonly [Gate, ...Gate[]]) {
    this.#gates = gates;
    const keys = gates.flatMap(({ key, alsoKeys = [] }) => [key, ...alsoKeys]).filter((key) => key !== undefined);
    [this.key, ...this.alsoKeys] = keys;
  }

  concerns(decision: Decision): boolean {
    return this.#gates.some((gate) => gate.concerns(decision));
  }

  async read(client: ClientBase): Promise<void> {
    for (const gate of this.#gates) await gate.read(client);
  }

  rule(decision: Decision, call: GatedCall): Ruling {
    let now = decision;
    let approvalId: string | undefined;
    const records: RecordDraft[] = [];
    for (const gate of this.#gates) {
      const ruling = gate.rule(now, call, approvalId);
      if (ruling.kind === 'stale') return ruling;
      now = ruling.decision;
      approvalId ??= ruling.approvalId;
      records.push(...ruling.records);
    }
    return { kind: 'ruled', decision: now, records, ...(approvalId === undefined ? {} : { approvalId }) };
  }

  async write(client: ClientBase): Promise<void> {
    await Promise.all(this.#gates.map((gate) => gate.write(client)));
  }
}
