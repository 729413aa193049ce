/**
 * Clients that agent developers use, unmodified, with nothing but the gateway's URL and a bearer token: the
 * official ones of both generations, and those of three agent frameworks with scripted models. Behind the
 * gateway: server-everything and server-filesystem.
 */
import { join } from 'node:path';
import { createMCPClient } from '@ai-sdk/mcp';
import { BaseChatModel } from '@langchain/core/language_models/chat_models';
import { AIMessage, HumanMessage } from '@langchain/core/messages';
import type { ChatResult } from '@langchain/core/outputs';
import { createReactAgent } from '@langchain/langgraph/prebuilt';
import { MultiServerMCPClient } from '@langchain/mcp-adapters';
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  Agent,
  MCPServerStreamableHttp,
  type Model,
  type ModelRequest,
  type ModelResponse,
  Runner,
  setTracingDisabled,
  Usage,
} from '@openai/agents';
import { generateText, stepCountIs } from 'ai';
import { MockLanguageModelV4 } from 'ai/test';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Company, mcpServerCommand, startCompany } from '../setup/company.ts';

let company: Company;
let url: string;
let headers: { Authorization: string };

const GRANTED = ['everything.echo', 'everything.get-sum', 'files.list_directory', 'files.read_text_file'];
const TOOLS = GRANTED.map((capability) => capability.replace('.', '__'));

beforeAll(async () => {
  company = await startCompany();
  await company.addServer('everything', mcpServerCommand('everything', 'stdio'));
  await company.addServer('files', mcpServerCommand('filesystem', company.files));
  await company.applyRole('developer', GRANTED, [
    {
      id: 'no-keys',
      action: 'files.read_text_file',
      when: { field: 'path', endsWith: '.key' },
      effect: 'deny',
      otherwise: 'allow',
    },
  ]);
  headers = { Authorization: `Bearer ${await company.addAgent('dev-bot', 'developer')}` };
  url = `${company.server.url}/mcp`;
  setTracingDisabled(true);
});
afterAll(() => company.close());

const handbook = (): string => join(company.files, 'handbook.txt');
const secret = (): string => join(company.files, 'signing.key');

/** What the client did stands in the log, under its agent and owner, as soon as it is sealed. */
async function expectOnLog(message: string): Promise<void> {
  await vi.waitFor(
    async () => {
      const events = await company.admin.all<Record<string, unknown>>('/v1/audit/events', {
        agent: 'dev-bot',
        kind: 'tool.call',
      });
      const mine = events.filter(({ args }) => JSON.stringify(args) === JSON.stringify({ message }));
      expect(mine).toMatchObject([
        { action: 'everything.echo', verdict: 'allow', outcome: 'success', owner: 'dana@acme.example' },
      ]);
    },
    { timeout: 10_000 },
  );
}

type Call = (
  name: string,
  args: Record<string, unknown>,
) => Promise<{ content: unknown; isError?: boolean | undefined }>;

async function walk(list: () => Promise<string[]>, call: Call, echoed: string): Promise<void> {
  expect((await list()).sort()).toEqual(TOOLS);
  expect(JSON.stringify(await call('everything__echo', { message: echoed }))).toContain(`Echo: ${echoed}`);
  expect(JSON.stringify(await call('files__read_text_file', { path: handbook() }))).toContain('28 days');
  const refused = await call('files__read_text_file', { path: secret() });
  expect(refused.isError).toBe(true);
  expect(JSON.stringify(refused.content)).toMatch(/policy/i);
  await expect(call('files__write_file', { path: handbook(), content: '' })).rejects.toThrow(
    'Unknown tool: files__write_file',
  );
  await expectOnLog(echoed);
}

describe('official clients', () => {
  test('1.x', async () => {
    const client = new LegacyClient({ name: 'official-1', version: '1' });
    const transport = new LegacyTransport(new URL(url), { requestInit: { headers } });
    // The official types are stricter about absent members than their own classes.
    await client.connect(transport as Parameters<typeof client.connect>[0]);
    await walk(
      async () => (await client.listTools()).tools.map(({ name }) => name),
      async (name, args) => {
        const { content, isError } = await client.callTool({ name, arguments: args });
        return { content, isError: isError === true };
      },
      'official 1',
    );
    await transport.terminateSession();
    await client.close();
  });

  test.each([
    ['2.x, session era', {}, '2025-11-25'],
    ['2.x, stateless era', { versionNegotiation: { mode: 'auto' } }, '2026-07-28'],
  ] as const)('%s', async (name, options, version) => {
    const client = new ModernClient({ name: 'official-2', version: '1' }, options);
    await client.connect(new ModernTransport(new URL(url), { requestInit: { headers } }));
    expect(client.getNegotiatedProtocolVersion()).toBe(version);
    await walk(
      async () => (await client.listTools()).tools.map((tool) => tool.name),
      (tool, args) => client.callTool({ name: tool, arguments: args }),
      name,
    );
    await client.close();
  });
});

/** What a scripted model wants next: a tool call, or to end. */
type Wish = { readonly tool: string; readonly args: Record<string, unknown> } | { readonly text: string };

const wishes = (echoed: string): readonly Wish[] => [
  { tool: 'everything__echo', args: { message: echoed } },
  { tool: 'files__read_text_file', args: { path: secret() } },
  { text: 'done' },
];

class ScriptedOpenAiModel implements Model {
  readonly requests: ModelRequest[] = [];
  readonly #wishes: readonly Wish[];

  constructor(script: readonly Wish[]) {
    this.#wishes = script;
  }

  async getResponse(request: ModelRequest): Promise<ModelResponse> {
    const wish = this.#wishes[this.requests.length] ?? { text: 'done' };
    this.requests.push(request);
    const usage = new Usage();
    if ('text' in wish)
      return {
        usage,
        output: [
          {
            type: 'message',
            role: 'assistant',
            status: 'completed',
            content: [{ type: 'output_text', text: wish.text }],
          },
        ],
      };
    const callId = `call_${this.requests.length}`;
    return {
      usage,
      output: [
        { type: 'function_call', callId, name: wish.tool, arguments: JSON.stringify(wish.args), status: 'completed' },
      ],
    };
  }

  getStreamedResponse(): AsyncIterable<never> {
    throw new Error('not scripted');
  }
}

class ScriptedLangChainModel extends BaseChatModel {
  readonly #script: readonly AIMessage[];
  #turn = 0;

  constructor(script: readonly AIMessage[]) {
    super({});
    this.#script = script;
  }

  override _llmType(): string {
    return 'scripted';
  }

  override bindTools(): this {
    return this;
  }

  override async _generate(): Promise<ChatResult> {
    const message = this.#script[this.#turn] ?? new AIMessage('done');
    this.#turn += 1;
    return { generations: [{ text: '', message }] };
  }
}

describe('agent frameworks', () => {
  test('OpenAI Agents', async () => {
    const server = new MCPServerStreamableHttp({ url, name: 'hivekey', requestInit: { headers } });
    await server.connect();
    const model = new ScriptedOpenAiModel(wishes('openai agents'));
    const agent = new Agent({ name: 'dev', model, mcpServers: [server] });
    const result = await new Runner().run(agent, 'go');
    expect(result.finalOutput).toBe('done');
    expect(model.requests[0]?.tools.map(({ name }) => name).sort()).toEqual(
      TOOLS.map((name) => name.replaceAll('-', '_')),
    );
    const told = JSON.stringify(model.requests.at(-1)?.input);
    expect(told).toContain('Echo: openai agents');
    expect(told).toMatch(/Refused by policy/);
    await server.close();
    await expectOnLog('openai agents');
  });

  test('Vercel AI', async () => {
    const client = await createMCPClient({ transport: { type: 'http', url, headers } });
    const tools = await client.tools();
    expect(Object.keys(tools).sort()).toEqual(TOOLS);
    const script = wishes('vercel ai');
    let turn = 0;
    const prompts: unknown[] = [];
    const usage = {
      inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
      outputTokens: { total: 1, text: 1, reasoning: 0 },
    };
    const model = new MockLanguageModelV4({
      doGenerate: async ({ prompt }) => {
        prompts.push(prompt);
        const wish = script[turn] ?? { text: 'done' };
        turn += 1;
        if ('text' in wish)
          return {
            content: [{ type: 'text', text: wish.text }],
            finishReason: { unified: 'stop', raw: 'stop' },
            usage,
            warnings: [],
          };
        const input = JSON.stringify(wish.args);
        return {
          content: [{ type: 'tool-call', toolCallId: `call_${turn}`, toolName: wish.tool, input }],
          finishReason: { unified: 'tool-calls', raw: 'tool-calls' },
          usage,
          warnings: [],
        };
      },
    });
    const { text } = await generateText({ model, tools, prompt: 'go', stopWhen: stepCountIs(5) });
    expect(text).toBe('done');
    const told = JSON.stringify(prompts.at(-1));
    expect(told).toContain('Echo: vercel ai');
    expect(told).toMatch(/Refused by policy/);
    await client.close();
    await expectOnLog('vercel ai');
  });

  test('LangChain', async () => {
    const client = new MultiServerMCPClient({ hivekey: { transport: 'http', url, headers } });
    const tools = await client.getTools();
    expect(tools.map(({ name }) => name).sort()).toEqual(TOOLS);
    const script = wishes('langchain').map((wish, i) =>
      'text' in wish
        ? new AIMessage(wish.text)
        : new AIMessage({ content: '', tool_calls: [{ id: `call_${i}`, name: wish.tool, args: wish.args }] }),
    );
    const agent = createReactAgent({ llm: new ScriptedLangChainModel(script), tools });
    const { messages } = await agent.invoke({ messages: [new HumanMessage('go')] });
    expect(messages.at(-1)?.content).toBe('done');
    const told = JSON.stringify(messages);
    expect(told).toContain('Echo: langchain');
    expect(told).toMatch(/Refused by policy/);
    await client.close();
    await expectOnLog('langchain');
  });
});
