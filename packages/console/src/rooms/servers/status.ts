import type { McpDefinition } from '../../api/types.ts';

/** A person has to look at it before agents can see it. */
export function isWaiting({ status }: McpDefinition): boolean {
  return status === 'new' || status === 'changed';
}
