/**
 * What an agent is not granted answers like what does not exist: the same bytes and headers, on every
 * entrance. Only the caller's own name in the answer, ids and dates may differ; the names are of one length.
 */
import { connect } from 'node:net';
import type { JsonObject } from '@hivekey/policy';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { initialize, legacy, modern, type Sent } from '../../packages/server/test/gateway-mcp/wire-client.ts';
import { mcpServerCommand } from '../setup/company.ts';
import { anyTool, type Recorder, startRecorder } from './recorder.ts';
import { openWorld, type World } from './world.ts';

let world: World;
let other: Recorder;
let session: string;

/** Granted, hidden, absent. The last two have one length. */
type Names = readonly [granted: string, hidden: string, absent: string];
const NAMES: Readonly<Record<'tool' | 'prompt' | 'resource' | 'template' | 'action', Names>> = {
  tool: ['rec__act', 'rec__hidden', 'rec__hoaxed'],
  prompt: ['all__simple-prompt', 'all__args-prompt', 'all__arg0-prompt'],
  resource: [
    'demo://resource/static/document/architecture.md',
    'demo://resource/static/document/features.md',
    'demo://resource/static/document/failures.md',
  ],
  template: [
    'demo://resource/dynamic/text/{resourceId}',
    'demo://resource/dynamic/blob/{resourceId}',
    'demo://resource/dynamic/bl0b/{resourceId}',
  ],
  action: ['own.act', 'own.hidden', 'own.hoaxed'],
};

beforeAll(async () => {
  world = await openWorld();
  other = await startRecorder([anyTool('act')]);
  await world.register('dark', other);
  const all = {
    namespace: 'all',
    command: mcpServerCommand('everything'),
    default_access: 'read-write',
    trust_annotations: true,
  };
  await world.done('POST', '/v1/mcp/servers', all);
  const { body } = await world.call('GET', '/v1/mcp/servers/all/definitions?limit=200');
  const served: { name: string; capability: string }[] = body.data;
  const capabilityOf = (name: string): string => {
    const found = served.find((each) => each.name === name);
    if (found === undefined) throw new Error(`${name} is not among ${served.map((each) => each.name).join(' ')}`);
    return found.capability;
  };
  for (const kind of ['prompt', 'resource', 'template'] as const) {
    capabilityOf(NAMES[kind][1]);
    expect(served.map(({ name }) => name)).not.toContain(NAMES[kind][2]);
  }
  const granted = [NAMES.prompt[0], NAMES.resource[0], NAMES.template[0]].map(capabilityOf);
  await world.role('user', ['rec.act', 'own.act', ...granted]);
  ({ session } = await initialize(world.port, world.token));
});
afterAll(async () => {
  await world.close();
  other.close();
});

/** The whole answer as it comes, on a connection of its own. */
function exchange({ method = 'POST', path = '/mcp', headers = {}, body = '' }: Sent, until?: string): Promise<string> {
  const lines = Object.entries({
    host: 'localhost',
    ...headers,
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return new Promise((resolve, reject) => {
    const socket = connect(world.port, '127.0.0.1', () =>
      socket.write(`${method} ${path} HTTP/1.1\r\n${head}\r\n${body}`),
    );
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
      if (until !== undefined && text.includes(until)) socket.end();
    });
    socket.on('end', () => resolve(text));
    socket.on('error', reject);
  });
}

function withoutIds(text: string): string {
  return text
    .replaceAll(/^date: .*$/gim, 'date: …')
    .replaceAll(/^mcp-session-id: .*$/gim, 'mcp-session-id: …')
    .replaceAll(/\b(evt|req|prm)_[0-9A-Za-z]+/g, '$1_…')
    .replaceAll(/"permit":\{[^}]*\}/g, '"permit":…');
}

const ASK = { 'content-type': 'application/json' };
const post = (path: string, body: object): Sent => ({
  path,
  headers: { ...ASK, authorization: `Bearer ${world.token}` },
  body: JSON.stringify(body),
});
const now = (method: string, params: JsonObject, more: Parameters<typeof modern>[3] = {}): Sent =>
  modern(world.token, method, params, more);
const then = (method: string, params: JsonObject): Sent => legacy(world.token, session, { id: 1, method, params });
const evaluation = (name: string) => ({
  subject: { type: 'agent', id: 'attacker' },
  action: { name },
  resource: { type: 'thing', id: '1' },
});

interface Attempt {
  readonly names: Names;
  readonly request: (name: string) => Sent;
  /** What is granted reads the same, too. */
  readonly isAlike?: true;
  /** What is granted answers with a stream, of which this is enough. */
  readonly until?: string;
}

const EVERYWHERE: Readonly<Record<string, Attempt>> = {
  'tools/call': { names: NAMES.tool, request: (name) => now('tools/call', { name, arguments: {} }) },
  'tools/call of the session era': {
    names: NAMES.tool,
    request: (name) => then('tools/call', { name, arguments: {} }),
  },
  'tools/call that wants progress': {
    names: NAMES.tool,
    request: (name) => now('tools/call', { name, arguments: {} }, { meta: { progressToken: 1 } }),
  },
  'tools/call with another state': {
    names: NAMES.tool,
    request: (name) => now('tools/call', { name, arguments: {}, requestState: 'forged' }),
  },
  'tools/call on the route of the namespace': {
    names: ['act', 'hidden', 'hoaxed'],
    request: (name) => ({ ...now('tools/call', { name, arguments: {} }), path: '/mcp/rec' }),
  },
  'prompts/get': { names: NAMES.prompt, request: (name) => now('prompts/get', { name }) },
  'prompts/get of the session era': { names: NAMES.prompt, request: (name) => then('prompts/get', { name }) },
  'resources/read': { names: NAMES.resource, request: (uri) => now('resources/read', { uri }) },
  'resources/read of the session era': { names: NAMES.resource, request: (uri) => then('resources/read', { uri }) },
  'resources/read of a template': {
    names: ['demo://resource/dynamic/text/1', 'demo://resource/dynamic/blob/1', 'demo://resource/dynamic/bl0b/1'],
    request: (uri) => now('resources/read', { uri }),
  },
  'resources/subscribe': { names: NAMES.resource, request: (uri) => then('resources/subscribe', { uri }) },
  'resources/unsubscribe': { names: NAMES.resource, request: (uri) => then('resources/unsubscribe', { uri }) },
  'completion/complete of a prompt': {
    names: NAMES.prompt,
    request: (name) =>
      now('completion/complete', { ref: { type: 'ref/prompt', name }, argument: { name: 'city', value: 'a' } }),
  },
  'completion/complete of a template': {
    names: NAMES.template,
    request: (uri) =>
      then('completion/complete', { ref: { type: 'ref/resource', uri }, argument: { name: 'resourceId', value: '1' } }),
  },
  'subscriptions/listen': {
    names: NAMES.resource,
    until: 'acknowledged',
    request: (uri) => now('subscriptions/listen', { notifications: { resourceSubscriptions: [uri] } }),
  },
  'tools/list of a namespace': {
    names: ['rec', 'dark', 'dusk'],
    request: (name) => ({ ...now('tools/list', {}), path: `/mcp/${name}` }),
  },
  'initialize on a namespace': {
    isAlike: true,
    names: ['rec', 'dark', 'dusk'],
    request: (name) => ({
      ...legacy(world.token, undefined, {
        id: 1,
        method: 'initialize',
        params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'a', version: '1' } },
      }),
      path: `/mcp/${name}`,
    }),
  },
  'server/discover on a namespace': {
    isAlike: true,
    names: ['rec', 'dark', 'dusk'],
    request: (name) => ({ ...now('server/discover', {}), path: `/mcp/${name}` }),
  },
  '/v1/actions': { names: NAMES.action, request: (action) => post('/v1/actions', { action, arguments: { a: 1 } }) },
  '/v1/actions with an underscore': {
    names: ['own_act', 'own_hidden', 'own_hoaxed'],
    request: (action) => post('/v1/actions', { action }),
  },
  '/v1/actions of a tool of a server': {
    names: ['rec.act', 'rec.hidden', 'rec.hoaxed'],
    request: (action) => post('/v1/actions', { action }),
  },
  'AuthZEN evaluation': { names: NAMES.action, request: (name) => post('/access/v1/evaluation', evaluation(name)) },
  'AuthZEN evaluation of a tool of a server': {
    names: ['rec.act', 'rec.hidden', 'rec.hoaxed'],
    request: (name) => post('/access/v1/evaluation', evaluation(name)),
  },
  'AuthZEN evaluations': {
    names: NAMES.action,
    request: (name) => post('/access/v1/evaluations', { evaluations: [evaluation(name), evaluation('own.act')] }),
  },
  'AuthZEN about another agent': {
    names: ['attacker', 'bystander', 'standbyer'],
    request: (id) => post('/access/v1/evaluation', { ...evaluation('own.act'), subject: { type: 'agent', id } }),
  },
};

beforeAll(async () => {
  await world.agent('bystander', 'user');
});

describe.each(Object.entries(EVERYWHERE))('%s', (_name, { names, request, isAlike, until }) => {
  it('hidden reads as absent', async () => {
    const [granted, hidden, absent] = names;
    expect(hidden.length).toBe(absent.length);
    const read = async (name: string): Promise<string> =>
      withoutIds(await exchange(request(name), name === granted ? until : undefined)).replaceAll(name, absent);
    const nothing = await read(absent);
    expect(await read(hidden)).toBe(nothing);
    if (isAlike === undefined) expect(await read(granted)).not.toBe(nothing);
  });
});

it('stays so when the hidden tool is stopped, changed or switched off', async () => {
  const { request } = EVERYWHERE['tools/call'] ?? { request: () => ({}) };
  const absent = withoutIds(await exchange(request('rec__hoaxed')));
  const reads = async (): Promise<void> =>
    expect(withoutIds(await exchange(request('rec__hidden'))).replaceAll('rec__hidden', 'rec__hoaxed')).toBe(absent);
  const { body: stop } = await world.done('POST', '/v1/containments', {
    scope: 'tool',
    target: 'rec.hidden',
    reason: 'drill',
  });
  await reads();
  await world.done('POST', `/v1/containments/${stop.id}/lift`, {});
  await reads();
  await world.done('POST', '/v1/mcp/servers/rec/definitions/rec.hidden/off', {});
  await reads();
  await world.done('POST', '/v1/mcp/servers/rec/disable', {});
  await reads();
  await world.done('POST', '/v1/mcp/servers/rec/enable', {});
});

it('no list of any entrance shows what is hidden', async () => {
  const lists = ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'];
  const answers = await Promise.all([
    ...lists.flatMap((method) => [exchange(now(method, {})), exchange(then(method, {}))]),
    exchange({ ...post('/v1/actions/capabilities', {}), method: 'GET', body: '' }),
    exchange(
      post('/access/v1/search/action', {
        subject: { type: 'agent', id: 'attacker' },
        resource: { type: 'thing', id: '1' },
      }),
    ),
  ]);
  const all = answers.join('\n');
  for (const kind of ['tool', 'prompt', 'resource', 'template', 'action'] as const) {
    const [granted, hidden] = NAMES[kind];
    expect([hidden, all.includes(hidden)]).toEqual([hidden, false]);
    expect([granted, all.includes(granted)]).toEqual([granted, kind !== 'tool' || all.includes('rec__act')]);
  }
});

it('every attempt is on the log, with a scope reason', async () => {
  const rows = await world.sql(
    `SELECT DISTINCT reason_class FROM actions WHERE kind = 'tool.call' AND action IN ('rec__hoaxed', 'rec.hidden', 'own.hidden', 'own.hoaxed')`,
  );
  expect(rows).toEqual([{ reason_class: 'scope' }]);
});
