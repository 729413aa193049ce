/** The least an MCP server of revision 2026-07-28 can say: one tool, which echoes a message. */
export interface EchoRequest {
  readonly id?: number | string;
  readonly method: string;
  readonly params: { readonly arguments: { readonly message: string } };
}

export const ECHO_TOOL = {
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

export function echoAnswer({ id, method, params }: EchoRequest): string {
  return JSON.stringify({ jsonrpc: '2.0', id, result: resultOf(method, params) });
}

function resultOf(method: string, params: EchoRequest['params']): object {
  switch (method) {
    case 'tools/call':
      return { resultType: 'complete', content: [{ type: 'text', text: params.arguments.message }] };
    case 'tools/list':
      return { resultType: 'complete', tools: [ECHO_TOOL], ttlMs: 5000, cacheScope: 'private' };
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
