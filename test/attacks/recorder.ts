/** An MCP server that keeps the bytes it is sent, and answers as the test says. It runs in the test's process. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { JsonObject } from '@hivekey/policy';
import { legacyScript, modernScript, type Script } from '../../packages/server/test/upstreams/http-upstream.ts';

interface Arrival {
  /** As received. */
  readonly bytes: string;
  readonly headers: IncomingHttpHeaders;
  readonly message: JsonObject;
}

export interface Recorder {
  readonly url: string;
  /** Every `tools/call`, in order. */
  readonly calls: Arrival[];
  close(): void;
}

/** A tool that takes any arguments. */
export function anyTool(name: string): object {
  return { name, description: name, inputSchema: { type: 'object', additionalProperties: true } };
}

export const answerOk: Script = (message, res) =>
  reply(res, message, { content: [{ type: 'text', text: 'ok' }], resultType: 'complete' });

export function reply(res: ServerResponse, { id }: JsonObject, result: object): void {
  res.writeHead(200, { 'content-type': 'application/json' });
  res.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
}

export async function startRecorder(
  tools: readonly object[],
  answer: Script = answerOk,
  era: 'modern' | 'legacy' = 'modern',
): Promise<Recorder> {
  const calls: Arrival[] = [];
  const script = (era === 'modern' ? modernScript : legacyScript)(answer, { tools: () => tools });
  const serve = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk);
    const bytes = Buffer.concat(chunks).toString();
    const message: JsonObject = bytes === '' ? {} : JSON.parse(bytes);
    if (message.method === 'tools/call') calls.push({ bytes, headers: req.headers, message });
    script(message, res, req);
  };
  const server = createServer((req, res) => {
    // A caller that goes away while it is heard is no fault of this server.
    serve(req, res).catch(() => res.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/mcp`,
    calls,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
