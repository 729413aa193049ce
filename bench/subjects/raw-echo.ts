/** Baseline and upstream: the least a Node.js HTTP server can do for a tools/call, with the two other answers a client asks for. Prints its port. */
import { createServer } from 'node:http';

interface Message {
  readonly id?: number | string;
  readonly method: string;
  readonly params: { readonly arguments: { readonly message: string } };
}

const TOOL = {
  name: 'echo',
  description: 'Echoes a message',
  inputSchema: {
    type: 'object',
    properties: { message: { type: 'string' } },
    required: ['message'],
    additionalProperties: false,
  },
  annotations: { readOnlyHint: true },
};

function resultOf({ method, params }: Message): unknown {
  switch (method) {
    case 'tools/call':
      return { resultType: 'complete', content: [{ type: 'text', text: params.arguments.message }] };
    case 'tools/list':
      return { resultType: 'complete', tools: [TOOL], ttlMs: 5000, cacheScope: 'private' };
    default:
      return {
        resultType: 'complete',
        supportedVersions: ['2026-07-28'],
        capabilities: { tools: {} },
        serverInfo: { name: 'raw-echo', version: '1.0.0' },
        ttlMs: 5000,
        cacheScope: 'private',
      };
  }
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const message = JSON.parse(Buffer.concat(chunks).toString()) as Message;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ jsonrpc: '2.0', id: message.id, result: resultOf(message) }));
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') process.stdout.write(`port ${address.port}\n`);
});
