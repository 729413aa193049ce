/** What each node said last of a stop. Pure. */
import type { Containment as Stop } from '../../api/types.ts';

export interface NodeWord {
  readonly node: string;
  /** The newest stop it was asked for. */
  readonly stop: Stop;
  /** From the order until the node had aborted what it had in flight; undefined: not heard from. */
  readonly ms: number | undefined;
}

/** `stops`: newest first. */
export function nodeWords(stops: readonly Stop[]): readonly NodeWord[] {
  const words = new Map<string, NodeWord>();
  for (const stop of stops)
    for (const { node, effective_at } of stop.receipt.nodes)
      if (!words.has(node)) words.set(node, { node, stop, ms: sinceOrder(stop, effective_at) });
  return [...words.values()].toSorted((a, b) => a.node.localeCompare(b.node));
}

function sinceOrder({ receipt }: Stop, at: string | null): number | undefined {
  return at === null ? undefined : Math.max(0, Date.parse(at) - Date.parse(receipt.ordered_at));
}
