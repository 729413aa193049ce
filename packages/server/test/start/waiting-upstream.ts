/** An MCP server with one tool, `wait`, that answers when the test lets it. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';

export interface WaitingUpstream {
  readonly url: string;
  /** Resolves when the tool has been called. */
  readonly called: Promise<void>;
  /** Lets the call end. */
  release(): void;
  close(): void;
}

export async function startWaitingUpstream(): Promise<WaitingUpstream> {
  const called = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const handler = createMcpHandler(() => {
    const server = new McpServer({ name: 'waiting', version: '1.0.0' });
    server.registerTool('wait', { description: 'Waits' }, async () => {
      called.resolve();
      await released.promise;
      return { content: [{ type: 'text', text: 'waited to the end' }] };
    });
    return server;
  });
  const serve = toNodeHandler(handler);
  const http = createServer(
    (req, res) => void serve(Object.assign(req, { method: req.method ?? 'GET', url: req.url ?? '/' }), res),
  ).listen(0, '127.0.0.1');
  await once(http, 'listening');
  const address = http.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    called: called.promise,
    release: () => released.resolve(),
    close: () => {
      released.resolve();
      http.close();
      http.closeAllConnections();
    },
  };
}
