/** The upstream of proxies that take only stdio servers: the least a process can do for a tools/call. */
import { createInterface } from 'node:readline';
import { ECHO_TOOL } from '../echo.ts';

interface Message {
  readonly id?: number | string;
  readonly method: string;
  readonly params: { readonly protocolVersion: string; readonly arguments: { readonly message: string } };
}

function answerTo({ method, params }: Message): object {
  switch (method) {
    case 'initialize': {
      const { protocolVersion } = params;
      const serverInfo = { name: 'stdio-echo', version: '1.0.0' };
      return { result: { protocolVersion, capabilities: { tools: {} }, serverInfo } };
    }
    case 'tools/list':
      return { result: { tools: [ECHO_TOOL] } };
    case 'tools/call':
      return { result: { content: [{ type: 'text', text: params.arguments.message }] } };
    default:
      return { error: { code: -32601, message: 'Method not found' } };
  }
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const message = JSON.parse(line) as Message;
  if (message.id === undefined) return;
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id: message.id, ...answerTo(message) })}\n`);
});
