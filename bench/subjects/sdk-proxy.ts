/** Baseline: a gateway made of the official SDK's client and server, with no governance at all. Takes the upstream's URL, prints its port. */
import { createServer } from 'node:http';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, fromJsonSchema, McpServer } from '@modelcontextprotocol/server';

const upstream = process.argv[2];
if (upstream === undefined) throw new Error('usage: sdk-proxy.ts UPSTREAM_URL');

const client = new Client({ name: 'bench-proxy', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } });
await client.connect(new StreamableHTTPClientTransport(new URL(upstream)));
const { tools } = await client.listTools();

const handler = createMcpHandler(() => {
  const server = new McpServer({ name: 'bench-proxy', version: '1.0.0' });
  for (const { name, description = '', inputSchema } of tools) {
    const schema = fromJsonSchema<Record<string, unknown>>(JSON.parse(JSON.stringify(inputSchema)));
    server.registerTool(name, { description, inputSchema: schema }, async (args) =>
      client.callTool({ name, arguments: args }),
    );
  }
  return server;
});
const handle = toNodeHandler(handler);
const server = createServer((request, response) => {
  const { method = 'POST', url = '/' } = request;
  void handle(Object.assign(request, { method, url }), response);
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') process.stdout.write(`port ${address.port}\n`);
});
