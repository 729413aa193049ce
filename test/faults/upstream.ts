/**
 * A real MCP server (the official SDK, over HTTP) that keeps its own tally of the calls that reached it. It
 * runs in the test's process, so its clock is the test's clock.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, fromJsonSchema, McpServer } from '@modelcontextprotocol/server';

interface Arrival {
  readonly id: string;
  /** `performance.now()` when the request arrived. */
  readonly atMs: number;
  /** The caller went away before it was answered. */
  abandoned: boolean;
}

export interface Upstream {
  readonly url: string;
  readonly tally: readonly Arrival[];
  /** What each call of `pay` was charged, in cents, by its id. */
  readonly charged: ReadonlyMap<string, number>;
  /** Calls that ask to be held are answered after this; later ones are held again. */
  release(): void;
  close(): Promise<void>;
}

const argumentsOf = fromJsonSchema<{ id: string; hold?: boolean }>({
  type: 'object',
  properties: { id: { type: 'string' }, hold: { type: 'boolean' } },
  required: ['id'],
});

const paymentOf = fromJsonSchema<{ id: string; amount: number }>({
  type: 'object',
  properties: { id: { type: 'string' }, amount: { type: 'number' } },
  required: ['id', 'amount'],
});

/** Of ten payments one costs half of what was asked, and one fails and costs nothing. */
export function chargeOf(id: string, cents: number): number {
  if (id.endsWith('7')) return 0;
  return id.endsWith('3') ? Math.floor(cents / 2) : cents;
}

/** `answerAfterMs`: as long as a quick tool takes, so that a gateway that went away meanwhile is noticed before the answer. */
export async function startUpstream(answerAfterMs = 0): Promise<Upstream> {
  const tally: Arrival[] = [];
  const charged = new Map<string, number>();
  let barrier = Promise.withResolvers<void>();
  const handler = createMcpHandler(() => {
    const server = new McpServer({ name: 'tally', version: '1.0.0' });
    server.registerTool('act', { description: 'Acts.', inputSchema: argumentsOf }, async ({ id, hold }) => {
      if (hold === true) await barrier.promise;
      return { content: [{ type: 'text', text: `done ${id}` }] };
    });
    server.registerTool('pay', { description: 'Pays.', inputSchema: paymentOf }, async ({ id, amount }) => {
      const cents = chargeOf(id, Math.round(amount * 100));
      charged.set(id, (charged.get(id) ?? 0) + cents);
      if (id.endsWith('7')) return { content: [{ type: 'text', text: `declined ${id}` }], isError: true };
      return { content: [{ type: 'text', text: `paid ${id}` }], structuredContent: { charged: cents / 100 } };
    });
    return server;
  });
  const serve = toNodeHandler(handler);
  const server = createServer((request, response) => {
    const atMs = performance.now();
    void bodyOf(request).then(async (body) => {
      const id = calledWith(body);
      if (id !== undefined) {
        const arrival: Arrival = { id, atMs, abandoned: false };
        tally.push(arrival);
        response.on('close', () => {
          arrival.abandoned = !response.writableFinished;
        });
      }
      if (id !== undefined && answerAfterMs > 0) {
        await sleep(answerAfterMs);
        // On a busy machine the time is over before the socket was read again, which may say that nobody waits any more.
        await nextTurn();
      }
      const { method = 'POST', url = '/' } = request;
      return serve(Object.assign(request, { method, url }), response, body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/mcp`,
    tally,
    charged,
    release: () => {
      barrier.resolve();
      barrier = Promise.withResolvers();
    },
    close: async () => {
      barrier.resolve();
      server.closeAllConnections();
      server.close();
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text === '' ? undefined : JSON.parse(text);
}

/** `id` of a call of the tool. */
function calledWith(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null || !('method' in body) || body.method !== 'tools/call')
    return undefined;
  const params = 'params' in body ? body.params : undefined;
  const args = typeof params === 'object' && params !== null && 'arguments' in params ? params.arguments : undefined;
  return typeof args === 'object' && args !== null && 'id' in args ? String(args.id) : undefined;
}
