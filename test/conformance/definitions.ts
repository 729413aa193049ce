/** The tools, prompts and resources the public MCP conformance suite asks a server for. */
import { setTimeout as delay } from 'node:timers/promises';
import {
  acceptedContent,
  type CallToolResult,
  CLIENT_CAPABILITIES_META_KEY,
  createRequestStateCodec,
  fromJsonSchema,
  type InputRequests,
  inputRequired,
  inputResponse,
  type JsonSchemaType,
  McpServer,
  ResourceTemplate,
  type ServerContext,
} from '@modelcontextprotocol/server';

/** One red pixel. */
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';
/** A WAV header without samples. */
const WAV = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=';

const codec = createRequestStateCodec<{ readonly round: number }>({
  key: 'a key of the conformance fixture, 32 bytes',
});

/** What a call can change about the fixture, and whom to tell. Shared by all its server instances. */
export interface Changing {
  toolRevision: number;
  promptRevision: number;
  onToolChange(): void;
  onPromptChange(): void;
}

function text(value: string): CallToolResult {
  return { content: [{ type: 'text', text: value }] };
}

function schema(properties: Record<string, object> = {}, required: readonly string[] = []) {
  return fromJsonSchema<Record<string, string>>({
    type: 'object',
    properties,
    required: [...required],
  } as JsonSchemaType);
}

export function createFixtureServer(changing: Changing): McpServer {
  const server = new McpServer(
    { name: 'conformance-fixture', version: '1.0.0' },
    {
      capabilities: {
        tools: { listChanged: true },
        prompts: { listChanged: true },
        resources: { listChanged: true, subscribe: true },
        completions: {},
        logging: {},
      },
      requestState: { verify: codec.verify },
    },
  );
  plainTools(server);
  streamingTools(server);
  askingTools(server);
  retriedTools(server);
  changingDefinitions(server, changing);
  prompts(server);
  resources(server);
  return server;
}

function plainTools(server: McpServer): void {
  const tool = (name: string, description: string, result: CallToolResult) =>
    server.registerTool(name, { description }, async () => result);
  const image = { type: 'image', data: PNG, mimeType: 'image/png' } as const;
  tool('test_simple_text', 'Returns text', text('This is a simple text response for testing.'));
  tool('test_image_content', 'Returns an image', { content: [image] });
  tool('test_audio_content', 'Returns audio', { content: [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }] });
  tool('test_embedded_resource', 'Returns a resource', {
    content: [
      {
        type: 'resource',
        resource: {
          uri: 'test://embedded-resource',
          mimeType: 'text/plain',
          text: 'This is an embedded resource content.',
        },
      },
    ],
  });
  tool('test_multiple_content_types', 'Returns several kinds of content', {
    content: [
      { type: 'text', text: 'Multiple content types test:' },
      image,
      {
        type: 'resource',
        resource: {
          uri: 'test://mixed-content-resource',
          mimeType: 'application/json',
          text: '{"test":"data","value":123}',
        },
      },
    ],
  });
  tool('test_error_handling', 'Returns an error', {
    content: [{ type: 'text', text: 'This tool intentionally returns an error for testing' }],
    isError: true,
  });
  server.registerTool(
    'test_x_mcp_header',
    {
      description: 'Repeats a region that is also a header',
      inputSchema: schema({ region: { type: 'string', 'x-mcp-header': 'Region' } }),
    },
    async ({ region }) => text(`Region: ${region ?? 'none'}`),
  );
  server.registerTool(
    'json_schema_2020_12_tool',
    { description: 'Tool with JSON Schema 2020-12 features', inputSchema: fromJsonSchema(ADDRESS_SCHEMA) },
    async () => text('ok'),
  );
}

const ADDRESS_SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: {
      $anchor: 'addressDef',
      type: 'object',
      properties: { street: { type: 'string' }, city: { type: 'string' } },
    },
  },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
} as JsonSchemaType;

async function report(ctx: ServerContext, progress: number): Promise<void> {
  const progressToken = ctx.mcpReq._meta?.progressToken;
  if (progressToken !== undefined)
    await ctx.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } });
}

function streamingTools(server: McpServer): void {
  server.registerTool('test_tool_with_progress', { description: 'Reports progress' }, async (ctx) => {
    for (const progress of [0, 50, 100]) {
      await report(ctx, progress);
      await delay(50);
    }
    return text('Done');
  });
  const logging = async (ctx: ServerContext) => {
    for (const message of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
      await ctx.mcpReq.log('info', message);
      await delay(50);
    }
    return text('Logged');
  };
  server.registerTool('test_tool_with_logging', { description: 'Sends log messages' }, logging);
  server.registerTool('test_logging_tool', { description: 'Sends log messages' }, logging);
  server.registerTool('test_reconnection', { description: 'Closes its stream before it answers' }, async (ctx) => {
    ctx.http?.closeSSE?.();
    await delay(100);
    return text('Reconnection test completed');
  });
}

type Form = Parameters<typeof inputRequired.elicit>[0];

const NAME_FORM: Form = {
  message: 'What is your name?',
  requestedSchema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
};

/** Tools that ask once and tell what they were told; in both eras, by the SDK's own shim. */
function askingTools(server: McpServer): void {
  const asking = (name: string, key: string, request: InputRequests[string]) =>
    server.registerTool(name, { description: 'Asks the client once' }, async (ctx) => {
      const answer = inputResponse(ctx.mcpReq.inputResponses, key);
      if (answer.kind === 'missing') return inputRequired({ inputRequests: { [key]: request } });
      return text(`Answer: ${JSON.stringify(answer)}`);
    });
  const question = (asked: string) =>
    inputRequired.createMessage({
      messages: [{ role: 'user', content: { type: 'text', text: asked } }],
      maxTokens: 100,
    });
  asking('test_missing_capability', 'sample', question('Anything'));
  asking('test_elicitation_sep1034_defaults', 'defaults', inputRequired.elicit(DEFAULTS_FORM));
  asking('test_elicitation_sep1330_enums', 'enums', inputRequired.elicit(ENUMS_FORM));
  asking('test_input_required_result_elicitation', 'user_name', inputRequired.elicit(NAME_FORM));
  asking('test_input_required_result_sampling', 'capital_question', question('What is the capital of France?'));
  asking('test_input_required_result_list_roots', 'client_roots', inputRequired.listRoots());
  server.registerTool('test_streaming_elicitation', { description: 'Reports progress, then asks' }, async (ctx) => {
    await report(ctx, 50);
    const answer = inputResponse(ctx.mcpReq.inputResponses, 'user_name');
    return answer.kind === 'missing'
      ? inputRequired({ inputRequests: { user_name: inputRequired.elicit(NAME_FORM) } })
      : text('Asked');
  });
  server.registerTool(
    'test_sampling',
    { description: 'Asks the model', inputSchema: schema({ prompt: { type: 'string' } }, ['prompt']) },
    async ({ prompt = '' }, ctx) => {
      const answer = inputResponse(ctx.mcpReq.inputResponses, 'answer');
      if (answer.kind === 'missing') return inputRequired({ inputRequests: { answer: question(prompt) } });
      return text(`LLM response: ${JSON.stringify(answer)}`);
    },
  );
  server.registerTool(
    'test_elicitation',
    { description: 'Asks the person', inputSchema: schema({ message: { type: 'string' } }, ['message']) },
    async ({ message = '' }, ctx) => {
      const answer = inputResponse(ctx.mcpReq.inputResponses, 'answer');
      if (answer.kind !== 'missing') return text(`User response: ${JSON.stringify(answer)}`);
      const form: Form = {
        message,
        requestedSchema: {
          type: 'object',
          properties: {
            username: { type: 'string', description: "User's response" },
            email: { type: 'string', description: "User's email address" },
          },
          required: ['username', 'email'],
        },
      };
      return inputRequired({ inputRequests: { answer: inputRequired.elicit(form) } });
    },
  );
}

const DEFAULTS_FORM: Form = {
  message: 'Please review',
  requestedSchema: {
    type: 'object',
    properties: {
      name: { type: 'string', default: 'John Doe' },
      age: { type: 'integer', default: 30 },
      score: { type: 'number', default: 95.5 },
      status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
      verified: { type: 'boolean', default: true },
    },
  },
};

const OPTIONS = ['option1', 'option2', 'option3'];
const VALUES = [
  { const: 'value1', title: 'First' },
  { const: 'value2', title: 'Second' },
  { const: 'value3', title: 'Third' },
];
const ENUMS_FORM: Form = {
  message: 'Please choose',
  requestedSchema: {
    type: 'object',
    properties: {
      untitledSingle: { type: 'string', enum: [...OPTIONS] },
      titledSingle: { type: 'string', oneOf: [...VALUES] },
      legacyEnum: {
        type: 'string',
        enum: ['opt1', 'opt2', 'opt3'],
        enumNames: ['Option One', 'Option Two', 'Option Three'],
      },
      untitledMulti: { type: 'array', items: { type: 'string', enum: [...OPTIONS] } },
      titledMulti: { type: 'array', items: { anyOf: [...VALUES] } },
    },
  },
};

/** Tools whose retries carry a state that the fixture itself authenticates. */
function retriedTools(server: McpServer): void {
  const confirm = inputRequired.elicit({
    message: 'Please confirm',
    requestedSchema: { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] },
  });
  for (const name of ['test_input_required_result_request_state', 'test_input_required_result_tampered_state']) {
    server.registerTool(name, { description: 'Asks with a state' }, async (ctx) => {
      const state = ctx.mcpReq.requestState<{ round: number }>();
      if (state !== undefined && acceptedContent(ctx.mcpReq.inputResponses, 'confirm') !== undefined)
        return text('state-ok');
      return inputRequired({ inputRequests: { confirm }, requestState: await codec.mint({ round: 1 }, ctx) });
    });
  }
  server.registerTool(
    'test_input_required_result_multiple_inputs',
    { description: 'Asks three things' },
    async (ctx) => {
      const keys = ['user_name', 'greeting', 'client_roots'];
      if (keys.every((key) => inputResponse(ctx.mcpReq.inputResponses, key).kind !== 'missing'))
        return text('All there');
      return inputRequired({
        inputRequests: {
          user_name: inputRequired.elicit(NAME_FORM),
          greeting: inputRequired.createMessage({
            messages: [{ role: 'user', content: { type: 'text', text: 'Generate a greeting' } }],
            maxTokens: 50,
          }),
          client_roots: inputRequired.listRoots(),
        },
        requestState: await codec.mint({ round: 1 }, ctx),
      });
    },
  );
  server.registerTool('test_input_required_result_multi_round', { description: 'Asks twice' }, async (ctx) => {
    const round = ctx.mcpReq.requestState<{ round: number }>()?.round ?? 0;
    if (round === 2 && acceptedContent(ctx.mcpReq.inputResponses, 'step2') !== undefined)
      return text('Both rounds done');
    const next = round === 1 && acceptedContent(ctx.mcpReq.inputResponses, 'step1') !== undefined ? 2 : 1;
    const step =
      next === 1
        ? { step1: inputRequired.elicit({ ...NAME_FORM, message: 'Step 1: What is your name?' }) }
        : {
            step2: inputRequired.elicit({
              message: 'Step 2: What is your favorite color?',
              requestedSchema: { type: 'object', properties: { color: { type: 'string' } }, required: ['color'] },
            }),
          };
    return inputRequired({ inputRequests: step, requestState: await codec.mint({ round: next }, ctx) });
  });
  server.registerTool(
    'test_input_required_result_capabilities',
    { description: 'Asks what the client can do' },
    async (ctx) => {
      const declared = Reflect.get(ctx.mcpReq.envelope ?? {}, CLIENT_CAPABILITIES_META_KEY);
      const declares = (name: string) => typeof declared === 'object' && declared !== null && name in declared;
      const inputRequests: InputRequests = {};
      if (declares('sampling'))
        inputRequests.sample = inputRequired.createMessage({
          messages: [{ role: 'user', content: { type: 'text', text: 'Hello' } }],
          maxTokens: 10,
        });
      if (declares('elicitation')) inputRequests.name = inputRequired.elicit(NAME_FORM);
      if (Object.keys(inputRequests).length === 0 || ctx.mcpReq.inputResponses !== undefined)
        return text('Nothing to ask');
      return inputRequired({ inputRequests });
    },
  );
}

/**
 * Definitions that really change, so that a list that hides changed definitions changes, too; and one that comes
 * and goes, for lists in which what has once changed stays hidden.
 */
function changingDefinitions(server: McpServer, changing: Changing): void {
  const coming = changing.toolRevision === 0 ? 'test_even_tool' : 'test_odd_tool';
  server.registerTool(coming, { description: 'There in every other revision' }, async () => text('ok'));
  server.registerTool('test_changing_tool', { description: `Revision ${changing.toolRevision}` }, async () =>
    text('ok'),
  );
  server.registerPrompt('test_changing_prompt', { description: `Revision ${changing.promptRevision}` }, async () =>
    said('ok'),
  );
  server.registerTool('test_trigger_tool_change', { description: 'Changes a tool, or changes it back' }, async () => {
    changing.toolRevision = 1 - changing.toolRevision;
    changing.onToolChange();
    return text('Changed');
  });
  server.registerTool(
    'test_trigger_prompt_change',
    { description: 'Changes a prompt, or changes it back' },
    async () => {
      changing.promptRevision = 1 - changing.promptRevision;
      changing.onPromptChange();
      return text('Changed');
    },
  );
}

function said(value: string) {
  return { messages: [{ role: 'user' as const, content: { type: 'text' as const, text: value } }] };
}

function prompts(server: McpServer): void {
  server.registerPrompt('test_simple_prompt', { description: 'Without arguments' }, async () =>
    said('This is a simple prompt for testing.'),
  );
  const argsSchema = schema(
    {
      arg1: { type: 'string', description: 'First test argument' },
      arg2: { type: 'string', description: 'Second test argument' },
    },
    ['arg1', 'arg2'],
  );
  server.registerPrompt(
    'test_prompt_with_arguments',
    { description: 'With arguments', argsSchema },
    async ({ arg1, arg2 }) => said(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`),
  );
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description: 'With a resource', argsSchema: schema({ resourceUri: { type: 'string' } }, ['resourceUri']) },
    async ({ resourceUri = '' }) => ({
      messages: [
        {
          role: 'user',
          content: {
            type: 'resource',
            resource: { uri: resourceUri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' },
          },
        },
        ...said('Please process the embedded resource above.').messages,
      ],
    }),
  );
  server.registerPrompt('test_prompt_with_image', { description: 'With an image' }, async () => ({
    messages: [
      { role: 'user', content: { type: 'image', data: PNG, mimeType: 'image/png' } },
      ...said('Please analyze the image above.').messages,
    ],
  }));
  server.registerPrompt('test_input_required_result_prompt', { description: 'Asks for its context' }, async (ctx) => {
    const content = acceptedContent(ctx.mcpReq.inputResponses, 'user_context');
    if (content !== undefined) return said(`Context: ${JSON.stringify(content)}`);
    return inputRequired({
      inputRequests: {
        user_context: inputRequired.elicit({
          message: 'What context should the prompt use?',
          requestedSchema: { type: 'object', properties: { context: { type: 'string' } }, required: ['context'] },
        }),
      },
    });
  });
  server.server.setRequestHandler('completion/complete', () => ({
    completion: { values: ['test1', 'test2'], total: 2, hasMore: false },
  }));
}

function resources(server: McpServer): void {
  const plain = (name: string, uri: string, content: string) =>
    server.registerResource(name, uri, { mimeType: 'text/plain' }, async () => ({
      contents: [{ uri, mimeType: 'text/plain', text: content }],
    }));
  plain('static-text', 'test://static-text', 'This is the content of the static text resource.');
  plain('watched-resource', 'test://watched-resource', 'Watched');
  server.registerResource('static-binary', 'test://static-binary', { mimeType: 'image/png' }, async () => ({
    contents: [{ uri: 'test://static-binary', mimeType: 'image/png', blob: PNG }],
  }));
  server.registerResource(
    'template',
    new ResourceTemplate('test://template/{id}/data', { list: undefined }),
    { mimeType: 'application/json' },
    async (uri, { id }) => ({
      contents: [
        {
          uri: uri.href,
          mimeType: 'application/json',
          text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${String(id)}` }),
        },
      ],
    }),
  );
}
