/** Agents that call a tool of the tallying upstream, over and over. */
import {
  type Administration,
  administer,
  eventually,
  type TestAgent,
} from '../../packages/server/test/actions/workspace.ts';
import { modern, send } from '../../packages/server/test/gateway-mcp/wire-client.ts';
import type { ServerProcess } from './process.ts';
import type { Upstream } from './upstream.ts';

/** Registers the upstream, and makes an agent that may call its tool. */
export async function prepare(
  server: ServerProcess,
  upstream: Upstream,
): Promise<Administration & { readonly agent1: TestAgent }> {
  const administration = administer(server);
  await administration.done('POST', '/v1/mcp/servers', {
    namespace: 'tally',
    endpoint: upstream.url,
    default_access: 'read-write',
  });
  await eventually(async () => {
    const { body } = await administration.call('GET', '/v1/mcp/servers/tally/definitions');
    return body.data?.some(({ status }: { status: string }) => status === 'live') === true ? true : undefined;
  });
  await administration.role('actor', ['tally.act']);
  return { ...administration, agent1: await administration.agent('actor-1', 'actor') };
}

export type Fate =
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly status: number; readonly code: string }
  /** A result that says the call failed or was stopped. */
  | { readonly kind: 'failed'; readonly text: string }
  /** No answer: the server went away. */
  | { readonly kind: 'broken' };

/** One call over MCP. Never rejects. */
export async function act(port: number, token: string, id: string, hold = false): Promise<Fate> {
  const request = modern(token, 'tools/call', { name: 'act', arguments: hold ? { id, hold } : { id } });
  try {
    const { status, json, events } = await send(port, { ...request, path: '/mcp/tally' });
    const answer = events.at(-1) ?? json;
    const text = JSON.stringify(answer);
    if (text.includes(`done ${id}`)) return { kind: 'done' };
    const code = /"code":"([a-z_]+)"/.exec(text)?.[1];
    return code === undefined ? { kind: 'failed', text } : { kind: 'refused', status, code };
  } catch {
    return { kind: 'broken' };
  }
}

const KINDS = ['done', 'refused', 'failed', 'broken'] as const;

export interface Load {
  readonly sent: readonly { readonly id: string; readonly atMs: number }[];
  readonly fates: ReadonlyMap<string, Fate>;
  count(kind: Fate['kind']): number;
  /** Waits until there are more than `number` of a kind. */
  more(kind: Fate['kind'], number: number): Promise<void>;
  /** Resolves when the last call has ended. */
  stop(): Promise<void>;
}

/** `workers` callers, each with one call at a time, until stopped. `name` begins the ids. */
export function startLoad(port: number, token: string, name: string, workers: number): Load {
  const sent: { id: string; atMs: number }[] = [];
  const fates = new Map<string, Fate>();
  let stopped = false;
  async function work(worker: number): Promise<void> {
    for (let n = 0; !stopped; n += 1) {
      const id = `${name}-${worker}-${n}`;
      sent.push({ id, atMs: performance.now() });
      fates.set(id, await act(port, token, id));
    }
  }
  const count = (kind: Fate['kind']): number => [...fates.values()].filter((fate) => fate.kind === kind).length;
  const seen = (): string =>
    JSON.stringify({
      sent: sent.length,
      ...Object.fromEntries(KINDS.map((kind) => [kind, count(kind)])),
      last: [...fates].slice(-3),
    });
  const done = Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)));
  return {
    sent,
    fates,
    count,
    more: async (kind, number) => {
      await eventually(async () => (count(kind) > number ? true : undefined), undefined, seen);
    },
    stop: async () => {
      stopped = true;
      await done;
    },
  };
}
