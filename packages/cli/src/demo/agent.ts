/** A scripted agent: an unmodified MCP client with the gateway's URL and its token. */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

export interface Said {
  readonly isError: boolean;
  readonly text: string;
}

export class ScriptedAgent {
  readonly #client: Client;

  private constructor(client: Client) {
    this.#client = client;
  }

  static async connect(name: string, url: string, token: string): Promise<ScriptedAgent> {
    const client = new Client({ name, version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } });
    const requestInit = { headers: { authorization: `Bearer ${token}` } };
    await client.connect(new StreamableHTTPClientTransport(new URL('/mcp', url), { requestInit }));
    return new ScriptedAgent(client);
  }

  async tools(): Promise<string[]> {
    const { tools } = await this.#client.listTools();
    return tools.map(({ name }) => name);
  }

  /** What the model would read: the text of the result, or of the error. */
  async call(name: string, args: Record<string, unknown>): Promise<Said> {
    try {
      const { content, isError } = await this.#client.callTool({ name, arguments: args });
      const text = content.map((part) => (part.type === 'text' ? part.text : `(${part.type})`)).join('\n');
      return { isError: isError === true, text };
    } catch (error) {
      return { isError: true, text: error instanceof Error ? error.message : String(error) };
    }
  }

  async close(): Promise<void> {
    await this.#client.close().catch(() => undefined);
  }
}
