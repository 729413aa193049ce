/**
 * Secrets with a mark are planted everywhere, everything is driven past hostile upstreams that repeat what
 * they were given, and then all that left the process is searched for the marks.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { JsonObject } from '@hivekey/policy';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Administration, administer, eventually } from '../../packages/server/test/actions/workspace.ts';
import { agentOf } from '../../packages/server/test/gateway-http/client.ts';
import { initialize, legacy, modern, send } from '../../packages/server/test/gateway-mcp/wire-client.ts';
import type { Script } from '../../packages/server/test/upstreams/http-upstream.ts';
import { type Receiver, startReceiver } from '../../packages/server/test/webhooks/receiver.ts';
import { freePort } from '../faults/process.ts';
import { newDatabase } from '../setup/database.ts';
import { startTokenEndpoint, type TokenEndpoint } from '../setup/token-endpoint.ts';
import { type LocalVault, startVault } from '../setup/vault.ts';
import { type Recorder, reply, startRecorder } from './recorder.ts';

const MAIN = fileURLToPath(new URL('../../packages/server/src/main.ts', import.meta.url));

/** The middle is what is searched for; around it stands what encodings change. */
const MARKS = new Map<string, string>();
function planted(name: string): string {
  const mark = `${name}${randomBytes(12).toString('hex')}`;
  MARKS.set(name, mark);
  return `"${mark}/+=& %`;
}

const VAULT = planted('vault');
const VARIABLE = planted('variable');
const FILE = planted('file');
const STDIO = planted('stdio');
const ARGUMENT = planted('argument');
const NAMED = planted('named');
const HEADER = planted('header');
const KV = planted('hashicorp');
const CLIENT = planted('oauth client');
const OIDC = planted('oidc client');
const SLACK = planted('slack').replaceAll(/[ "]/g, '');
const SMTP = planted('smtp');
const STAGED = planted('staged');
const KEK = randomBytes(32).toString('base64');
MARKS.set('key-encryption key', KEK.slice(0, 42));
const VAULT_TOKEN = `hvs.${randomBytes(16).toString('hex')}`;
MARKS.set('vault token', VAULT_TOKEN.slice(4));

const escaped = (text: string): string =>
  Array.from(text, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
const percent = (text: string): string => Buffer.from(text).toString('hex').replaceAll(/../g, '%$&');

/** How a credential is commonly repeated. */
const FORMS: Readonly<Record<string, (secret: string) => string>> = {
  raw: (secret) => secret,
  base64: (secret) => Buffer.from(secret).toString('base64'),
  'base64 of a pair': (secret) => Buffer.from(`user:${secret}`).toString('base64'),
  base64url: (secret) => Buffer.from(`Bearer ${secret}`).toString('base64url'),
  'url-encoded': encodeURIComponent,
  'url-encoded throughout': percent,
  form: (secret) => new URLSearchParams({ secret }).toString(),
  hexadecimal: (secret) => Buffer.from(secret).toString('hex'),
  json: (secret) => JSON.stringify({ secret }),
  'json in json': (secret) => JSON.stringify(JSON.stringify({ secret })),
};

const TOOL = {
  name: 'act',
  description: 'act',
  inputSchema: {
    type: 'object',
    properties: { form: { type: 'string' }, way: { type: 'string' }, pass: { type: 'string', writeOnly: true } },
    additionalProperties: true,
  },
};

/** Repeats the credential in the form and by the way that the arguments ask for. */
const hostile: Script = (message, res, req) => {
  const secret = String(req.headers['x-key'] ?? req.headers.authorization ?? '').replace(/^Bearer /, '');
  const { form, way } = argumentsOf(message);
  const text = FORMS[String(form)]?.(secret) ?? secret;
  const json = (body: string, status = 200): ServerResponse =>
    res.writeHead(status, { 'content-type': 'application/json' }).end(body);
  const { id } = message;
  switch (way) {
    case 'result':
      return reply(res, message, {
        resultType: 'complete',
        content: [{ type: 'text', text }],
        structuredContent: { [text]: [text] },
        _meta: { text },
      });
    case 'tool error':
      return reply(res, message, {
        resultType: 'complete',
        isError: true,
        content: [{ type: 'resource', resource: { uri: `x://${text}`, text } }],
      });
    case 'escaped':
      return json(
        `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"resultType":"complete","content":[{"type":"text","text":"${escaped(text)}"}]}}`,
      );
    case 'error':
      return json(
        JSON.stringify({
          jsonrpc: '2.0',
          id,
          error: { code: -32000, message: text, data: { text, more: { [text]: text } } },
        }),
      );
    case 'stream':
      res.writeHead(200, { 'content-type': 'text/event-stream', 'x-echo': encodeURIComponent(text) });
      res.write(
        `data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: tokenOf(message), progress: 1, message: text } })}\n\n`,
      );
      res.write(
        `data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'error', logger: text, data: { text } } })}\n\n`,
      );
      res.end(
        `data: ${JSON.stringify({ jsonrpc: '2.0', id, result: { resultType: 'complete', content: [{ type: 'text', text }] } })}\n\n`,
      );
      return;
    case 'status':
      return json(text, 500);
    case 'challenge':
      res.writeHead(401, { 'www-authenticate': `Bearer realm="${encodeURIComponent(text)}"` }).end(text);
      return;
    case 'redirect':
      res.writeHead(307, { location: `http://127.0.0.1:9/?${encodeURIComponent(text)}` }).end(text);
      return;
    case 'garbage':
      return json(`{"jsonrpc":"2.0",${text}`);
    case 'other id':
      return json(JSON.stringify({ jsonrpc: '2.0', id: text, result: { content: [{ type: 'text', text }] } }));
    default:
      res.destroy();
  }
};
const WAYS = [
  'result',
  'tool error',
  'escaped',
  'error',
  'stream',
  'status',
  'challenge',
  'redirect',
  'garbage',
  'other id',
  'gone',
];

function argumentsOf({ params }: JsonObject): JsonObject {
  const args = typeof params === 'object' && params !== null && 'arguments' in params ? params.arguments : {};
  return typeof args === 'object' && args !== null && !Array.isArray(args) ? (args as JsonObject) : {};
}

function tokenOf({ params }: JsonObject): unknown {
  const meta = typeof params === 'object' && params !== null && '_meta' in params ? params._meta : undefined;
  return typeof meta === 'object' && meta !== null && 'progressToken' in meta ? meta.progressToken : 0;
}

/** A stdio server that says its credential wherever it can. */
const STDIO_SERVER = `
const secret = process.env.KEY ?? '';
console.error('starting with ' + secret);
const say = (each) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...each }) + '\\n');
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method } = JSON.parse(line);
  if (method === 'initialize') say({ id, result: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, instructions: 'use ' + secret, serverInfo: { name: secret, version: '1' } } });
  else if (method === 'tools/list') say({ id, result: { tools: [{ name: 'say', description: 'says ' + secret, inputSchema: { type: 'object', properties: { a: { type: 'string', description: secret, default: secret } } } }] } });
  else if (method === 'tools/call') { console.error(secret); if (line.includes('"heap"')) require('node:v8').writeHeapSnapshot(process.env.HEAP); if (line.includes('noise')) process.stdout.write(secret + '\\n'); say({ method: 'notifications/message', params: { level: 'error', data: secret } }); say({ id, result: { content: [{ type: 'text', text: secret }] } }); }
  else if (id !== undefined) say({ id, error: { code: -32601, message: secret } });
});`;

const database = newDatabase();
const folder = mkdtempSync(join(tmpdir(), 'hivekey-secrets-'));
const files = join(folder, 'credentials');
const keys = join(folder, 'keys');
let child: ChildProcess;
let output = '';
let port: number;
let admin: Administration;
let adminKey: string;
let shortToken: string;
let agentToken: string;
let recorders: Recorder[] = [];
let receiver: Receiver;
let webhookSecret: string;
let vault: LocalVault;
let tokens: TokenEndpoint;
/** Everything that was answered, but for the answers that show a new credential once. */
const answered: string[] = [];

async function tell(method: string, path: string, body?: unknown): Promise<void> {
  const answer = await admin.call(method, path, body === undefined ? {} : { body });
  answered.push(
    JSON.stringify([...answer.headers]),
    typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body),
  );
}

async function call(namespace: string, name: string, args: JsonObject): Promise<string> {
  const { text, headers } = await send(port, {
    ...modern(
      agentToken,
      'tools/call',
      { name, arguments: args },
      { meta: { progressToken: 'p', 'io.modelcontextprotocol/logLevel': 'debug' } },
    ),
    path: `/mcp/${namespace}`,
  });
  answered.push(JSON.stringify(headers), text);
  return text;
}

/** The agent proves itself with a key of its own, and then tries the same proof again. */
async function logIn(): Promise<string> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await admin.done('POST', '/v1/agents/bot/credentials', { kind: 'key', jwk: publicKey.export({ format: 'jwk' }) });
  const { body: bot } = await admin.call('GET', '/v1/agents/bot');
  const url = `http://127.0.0.1:${port}`;
  const now = Math.floor(Date.now() / 1000);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { iss: bot.id, sub: bot.id, aud: url, jti: randomBytes(16).toString('hex'), iat: now, exp: now + 60 };
  const signed = `${part({ alg: 'ES256', typ: 'JWT' })}.${part(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString(
    'base64url',
  );
  MARKS.set('client assertion', signature.slice(0, 40));
  const form = {
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: `${signed}.${signature}`,
    resource: `${url}/mcp`,
  };
  const ask = (body: Record<string, string>) =>
    fetch(`${url}/oauth/token`, { method: 'POST', body: new URLSearchParams(body) });
  const { access_token: token }: { access_token: string } = JSON.parse(await (await ask(form)).text());
  for (const wrong of [form, { ...form, resource: form.client_assertion }, { ...form, scope: token }])
    answered.push(await (await ask(wrong)).text());
  return token;
}

/** What the upstream was sent, and nobody else should ever see. */
async function accessToken(): Promise<string> {
  await call('oauth', 'act', { way: 'result' });
  const sent = String(recorders[4]?.calls.at(-1)?.headers.authorization).replace(/^Bearer /, '');
  expect(await tokens.look(sent)).toMatchObject({ client: 'basic' });
  return sent.slice(0, 40);
}

beforeAll(async () => {
  mkdirSync(files);
  writeFileSync(join(files, 'key'), `${FILE}\n`);
  mkdirSync(keys);
  writeFileSync(join(keys, 'kek'), `${KEK}\n`);
  writeFileSync(join(folder, 'vault-token'), VAULT_TOKEN);
  [vault, tokens] = await Promise.all([startVault(), startTokenEndpoint(CLIENT)]);
  vault.tokens.set(VAULT_TOKEN, { ttl: 3600, renewable: true, usesLeft: 1_000 });
  vault.kv.set('crm', [{ data: { key: KV }, deleted: false }]);
  port = await freePort();
  receiver = await startReceiver();
  const url = new URL(database.url);
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('HIVEKEY_'));
  child = spawn(process.execPath, [MAIN], {
    env: {
      ...Object.fromEntries(inherited),
      HIVEKEY_CONFIG: '/dev/null',
      HIVEKEY_DATA: join(folder, 'data'),
      HIVEKEY_DATABASE_URL: url.href,
      HIVEKEY_PORT: String(port),
      HIVEKEY_LOG_LEVEL: 'trace',
      HIVEKEY_UPSTREAM_ALLOW: '127.0.0.1',
      HIVEKEY_UPSTREAM_ENV: 'UPSTREAM_KEY',
      HIVEKEY_UPSTREAM_FILES: files,
      HIVEKEY_KEY_FILES: keys,
      UPSTREAM_KEY: VARIABLE,
      HIVEKEY_VAULT_ADDR: vault.url,
      HIVEKEY_VAULT_TOKEN_PATH: join(folder, 'vault-token'),
      HIVEKEY_VAULT_PATHS: 'kv',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let first = '';
  const started = new Promise<void>((resolve, reject) => {
    child.once('exit', () => reject(new Error(`the server did not start: ${output}`)));
    child.stdout?.on('data', (chunk) => {
      first += String(chunk);
      output += String(chunk);
      if (first.includes('HiveKey is running.')) resolve();
    });
    child.stderr?.on('data', (chunk) => {
      output += String(chunk);
    });
  });
  await started;
  // The start that makes the first key prints it, once.
  output = '';
  adminKey = readFileSync(join(folder, 'data/admin.key'), 'utf8').trim();
  MARKS.set('admin key', adminKey.slice(8, 40));
  if (url.password !== '') MARKS.set('database password', url.password);
  admin = administer({ url: `http://127.0.0.1:${port}`, adminKey });

  await tell('PUT', '/v1/secrets/vaulted', { value: VAULT });
  await tell('PUT', '/v1/secrets/stdio', { value: STDIO });
  await tell('PUT', '/v1/secrets/client', { value: CLIENT });
  await tell('PUT', '/v1/secrets/slack', { value: SLACK });
  await tell('PUT', '/v1/secrets/smtp', { value: SMTP });
  await tell('PUT', '/v1/secrets/vaulted', { value: STAGED, staged: true });
  recorders = await Promise.all([
    startRecorder([TOOL], hostile),
    startRecorder([TOOL], hostile, 'legacy'),
    startRecorder([TOOL], hostile),
    startRecorder([TOOL], hostile),
    startRecorder([TOOL], hostile),
  ]);
  const [own, env, file, kv, oauth] = recorders.map(({ url: endpoint }) => endpoint);
  const server = { default_access: 'read-write', trust_annotations: true };
  await admin.done('POST', '/v1/mcp/servers', {
    ...server,
    namespace: 'vault',
    endpoint: own,
    credential_ref: 'vault://vaulted',
  });
  await admin.done('POST', '/v1/mcp/servers', {
    ...server,
    namespace: 'kv',
    endpoint: kv,
    credential_ref: 'hashicorp://kv/crm#key',
    injection: { header: 'X-Key' },
  });
  await admin.done('POST', '/v1/mcp/servers', {
    ...server,
    namespace: 'oauth',
    endpoint: oauth,
    credential_ref: 'vault://client',
    injection: { oauth: { token_url: tokens.url, client_id: 'basic' } },
  });
  await admin.done('POST', '/v1/mcp/servers', {
    ...server,
    namespace: 'env',
    endpoint: env,
    credential_ref: 'env://UPSTREAM_KEY',
    injection: { header: 'X-Key' },
  });
  await admin.done('POST', '/v1/mcp/servers', {
    ...server,
    namespace: 'file',
    endpoint: file,
    credential_ref: 'file://key',
  });
  await tell('POST', '/v1/mcp/servers', {
    ...server,
    namespace: 'stdio',
    command: [process.execPath, '--heap-snapshot-string-limit=1000000', '-e', STDIO_SERVER],
    environment: { HEAP: join(folder, 'stdio.heapsnapshot') },
    credential_ref: 'vault://stdio',
    injection: { env: 'KEY' },
  });
  await admin.capability('own.act', {
    input_schema: {
      type: 'object',
      properties: {
        pin_code: { type: 'string', format: 'password' },
        password: { type: 'string' },
        text: { type: 'string' },
      },
    },
  });
  await admin.role('user', ['vault.act', 'env.act', 'file.act', 'kv.act', 'oauth.act', 'stdio.say', 'own.act']);
  ({ token: agentToken } = await admin.agent('bot', 'user'));
  MARKS.set('agent token', agentToken.slice(7, 40));
  shortToken = await logIn();
  MARKS.set('short-lived token', shortToken.slice(4, 40));
  const { body } = await admin.done('POST', '/v1/webhooks', { url: receiver.url, events: ['*'] });
  webhookSecret = body.secret;
  MARKS.set('webhook secret', webhookSecret.replace(/^whsec_/, '').slice(0, 30));
  const { body: scim } = await admin.done('POST', '/v1/scim-connections', { name: 'directory' });
  MARKS.set('SCIM token', String(scim.token).slice(8, 40));
  await admin.done('POST', '/v1/identity-providers', {
    kind: 'oidc',
    name: 'Okta',
    issuer: tokens.issuer,
    client_id: 'basic',
    client_secret: OIDC,
  });
  MARKS.set('access token', await accessToken());
});
afterAll(async () => {
  if (child.exitCode === null) {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
  for (const recorder of recorders) recorder.close();
  await Promise.all([receiver.close(), vault[Symbol.asyncDispose](), tokens[Symbol.asyncDispose]()]);
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

/** Marks in a text, in the clear or in an encoding that anyone reads. */
function marksIn(text: string): readonly string[] {
  const lower = text.toLowerCase();
  return [...MARKS].flatMap(([name, mark]) => {
    const middle = [0, 1, 2].map((shift) =>
      Buffer.from(mark)
        .subarray(shift, shift + 18)
        .toString('base64url'),
    );
    const forms = [mark, ...middle, percent(mark), Buffer.from(mark).toString('hex')];
    return forms.some(
      (form) => text.includes(form) || (form !== mark && form.length > 40 && lower.includes(form.toLowerCase())),
    )
      ? [name]
      : [];
  });
}

it('finds what it looks for', () => {
  const vault = MARKS.get('vault') ?? '';
  for (const form of Object.values(FORMS)) expect(marksIn(`… ${form(VAULT)} …`)).toEqual(['vault']);
  expect(marksIn(vault.slice(1))).toEqual([]);
  expect(marksIn('nothing')).toEqual([]);
});

it('no upstream brings its credential back, whatever form and way it takes', async () => {
  for (const form of Object.keys(FORMS)) {
    await Promise.all(
      ['vault', 'env', 'file'].map(async (namespace) => {
        for (const way of WAYS)
          expect([namespace, form, way, marksIn(await call(namespace, 'act', { form, way }))]).toEqual([
            namespace,
            form,
            way,
            [],
          ]);
      }),
    );
  }
  // The upstreams did get it.
  for (const [at, mark] of ['vault', 'variable', 'file'].entries()) {
    const headers = JSON.stringify(recorders[at]?.calls.at(-1)?.headers);
    expect(marksIn(headers)).toEqual([mark]);
  }
  for (const namespace of ['kv', 'oauth'])
    for (const way of ['result', 'error', 'stream', 'status', 'garbage'])
      expect([namespace, way, marksIn(await call(namespace, 'act', { form: 'base64 of a pair', way }))]).toEqual([
        namespace,
        way,
        [],
      ]);
  expect(marksIn(JSON.stringify(recorders[3]?.calls.at(-1)?.headers))).toEqual(['hashicorp']);
  expect(marksIn(JSON.stringify(recorders[4]?.calls.at(-1)?.headers))).toEqual(['access token']);
  expect(marksIn(await call('stdio', 'say', {}))).toEqual([]);
  expect(answered.at(-1)).toContain('[secret]');
  expect(marksIn(await call('stdio', 'say', { a: 'noise' }))).toEqual([]);
});

/** An agent that calls everything and then writes down all of its memory. */
const AGENT = `
(async () => {
  globalThis.kept = [];
  for (const { path, headers, body } of JSON.parse(process.env.REQUESTS)) {
    const answer = await fetch(process.env.BASE + path, { method: 'POST', headers, body });
    globalThis.kept.push([[...answer.headers], await answer.text()]);
  }
  require('node:v8').writeHeapSnapshot(process.env.HEAP);
})();`;

it('the memory of an agent and of a stdio server holds no secret but its own', { timeout: 60_000 }, async () => {
  const requests = ['vault', 'env', 'file', 'kv', 'oauth', 'stdio'].flatMap((namespace) =>
    ['result', 'error'].map((way) => {
      const name = namespace === 'stdio' ? 'say' : 'act';
      const { headers, body } = modern(agentToken, 'tools/call', { name, arguments: { form: 'raw', way } });
      return { path: `/mcp/${namespace}`, headers, body };
    }),
  );
  const heap = join(folder, 'agent.heapsnapshot');
  const agent = spawn(process.execPath, ['--heap-snapshot-string-limit=1000000', '-e', AGENT], {
    env: {
      PATH: process.env.PATH,
      BASE: `http://127.0.0.1:${port}`,
      REQUESTS: JSON.stringify(requests),
      HEAP: heap,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  expect(await once(agent, 'exit')).toEqual([0, null]);
  // It may be starting again, after what it was made to write before.
  await eventually(async () => ((await call('stdio', 'say', { a: 'heap' })).includes('[secret]') ? true : undefined));
  // What they may know is found: so would be the rest.
  expect(marksIn(readFileSync(heap, 'latin1'))).toEqual(['agent token']);
  expect(marksIn(readFileSync(join(folder, 'stdio.heapsnapshot'), 'latin1'))).toEqual(['stdio']);
});

it('a start that fails tells nothing of what it was given', async () => {
  const broken = (more: Record<string, string>) => {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('HIVEKEY_'));
    return spawn(process.execPath, [MAIN], {
      env: {
        ...Object.fromEntries(inherited),
        HIVEKEY_CONFIG: '/dev/null',
        HIVEKEY_DATA: join(folder, 'broken'),
        HIVEKEY_PORT: '0',
        ...more,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  };
  const password = MARKS.get('smtp') ?? '';
  for (const settings of [
    { HIVEKEY_DATABASE_URL: `postgres://someone:${password}@127.0.0.1:1/nowhere` },
    { HIVEKEY_SECRET_KEY: password },
    { HIVEKEY_PORT: password },
    { HIVEKEY_VAULT_ADDR: `ftp://${password}@vault` },
  ]) {
    const process = broken(settings);
    let said = '';
    for (const stream of [process.stdout, process.stderr])
      stream.on('data', (chunk) => {
        said += String(chunk);
      });
    const [code] = await once(process, 'close');
    expect([Object.keys(settings), code, marksIn(said)]).toEqual([Object.keys(settings), 1, []]);
    expect(said).toContain('hivekey: ');
  }
});

/** Channels, providers, REST APIs and keys of keys, with what they have to hide. */
async function drivePeopleAndKeys(): Promise<void> {
  // Says back who asks, where Slack says what is wrong.
  const slack = createServer((req, res) => {
    res.writeHead(200, { 'content-type': 'application/json' });
    res.end(JSON.stringify({ ok: false, error: req.headers.authorization }));
  }).listen(0, '127.0.0.1');
  await once(slack, 'listening');
  const address = slack.address();
  await tell('PUT', '/v1/channels/slack', {
    bot_token_ref: 'vault://slack',
    signing_secret_ref: 'vault://slack',
    channel: 'C012AB3CD',
    api_url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/api/`,
  });
  slack.close();
  const email = { host: '127.0.0.1', port: 9, security: 'none', from: 'hivekey@acme.example' };
  await tell('PUT', '/v1/channels/email', { ...email, username: 'hivekey', password_ref: 'vault://smtp' });
  await tell('POST', '/v1/channels/email/test', { to: 'dana@acme.example' });
  await tell('PUT', '/v1/secrets/vaulted', { value: STAGED, staged: 'yes' });
  await tell('POST', '/v1/secrets/vaulted/test', { version: 2 });
  await tell('POST', '/v1/secrets/client/test', {});
  await admin.done('POST', '/v1/secrets/rewrap', { key: 'file://kek' });
  await eventually(async () => {
    const { body } = await admin.call('GET', '/v1/secrets/keys');
    return body.rewrap.state === 'done' ? true : undefined;
  });
  await tell('POST', '/v1/secrets/rewrap', { key: KEK });
  await tell('GET', '/v1/secrets/vaulted');
  await tell('POST', '/v1/identity-providers', {
    kind: 'oidc',
    name: 'another',
    issuer: 'http://127.0.0.1:9',
    client_id: 'basic',
    client_secret: OIDC,
  });
  await admin.done('POST', '/v1/http/apis', {
    namespace: 'api',
    endpoint: recorders[0]?.url.replace(/\/mcp$/, '') ?? '',
    credential_ref: 'vault://vaulted',
    injection: { query: 'key' },
    default_access: 'read-write',
    document: {
      openapi: '3.1.0',
      info: { title: 'api', version: '1' },
      paths: { '/x': { get: { operationId: 'get' } } },
    },
  });
  await admin.role('user', ['api.get', 'own.act', 'vault.act', 'file.act']);
  const { text } = await agentOf(`http://127.0.0.1:${port}`, agentToken)('GET', '/http/api/x');
  answered.push(text);
  const bearer = { authorization: `Bearer ${agentToken}` };
  for (const path of ['/scim/v2/Users', '/scim/v2/Groups?filter=x'])
    answered.push(await (await fetch(`http://127.0.0.1:${port}${path}`, { headers: bearer })).text());
}

it('nothing that left the process, stands in the database or in a file shows a secret', {
  timeout: 60_000,
}, async () => {
  const { session } = await initialize(port, agentToken);
  const args = {
    pass: ARGUMENT,
    password: NAMED,
    apiKey: NAMED,
    nested: { Authorization: HEADER },
    text: `use ${agentToken} or ${adminKey} or ${shortToken}`,
    [agentToken]: 1,
    list: [`Bearer ${HEADER.slice(1)}`],
  };
  await call('vault', 'act', { form: 'raw', way: 'result', ...args }).catch(() => undefined);
  await send(port, {
    ...legacy(agentToken, session, { id: 1, method: 'tools/call', params: { name: 'file__act', arguments: args } }),
  });
  await send(port, modern(agentToken, 'tools/call', { name: agentToken, arguments: args }));
  await send(
    port,
    modern(agentToken, 'resources/read', { uri: `https://user:${NAMED.slice(1, -6)}@host.example/${agentToken}` }),
  );
  const ask = (body: unknown, key = agentToken) => admin.call('POST', '/v1/actions', { key, body });
  await ask({ action: 'own.act', arguments: { pin_code: ARGUMENT, password: NAMED, text: adminKey } });
  await ask({ action: adminKey, arguments: { password: NAMED } });
  await ask({ action: shortToken, arguments: { [shortToken]: shortToken } });
  await ask({ action: 'own.act', arguments: {} }, `${shortToken}x`);
  const { status, text } = await send(port, modern(shortToken, 'tools/call', { name: 'vault__act', arguments: args }));
  expect(status).toBe(200);
  answered.push(text);
  await ask({ action: 'own.act', arguments: { [agentToken]: 'x', password: 7 } });
  await ask({ action: 'own.act', arguments: {} }, adminKey);
  await admin.call('POST', '/v1/session', { key: null, body: { key: adminKey } });
  await admin.call('POST', '/v1/session', { key: null, body: { key: `${adminKey}x` } });
  await admin.call('POST', '/v1/policies/evaluate', { body: { agent: 'bot', action: 'own.act', arguments: args } });
  await tell('PUT', '/v1/secrets/bad name', { value: VAULT });
  await tell('PUT', '/v1/secrets/vaulted', { value: VAULT, extra: VAULT });
  await tell('POST', '/v1/mcp/servers', { namespace: 'x', endpoint: `http://user:${VAULT.slice(1, -7)}@127.0.0.1/` });
  await tell('POST', '/v1/mcp/servers', { namespace: 'x', endpoint: 'http://127.0.0.1/', credential_ref: VAULT });
  await tell('POST', '/v1/webhooks', { url: `https://u:${VAULT.slice(1, -7)}@hooks.example/`, events: ['*'] });
  for (const server of ['vault', 'env', 'file', 'kv', 'oauth', 'stdio'])
    await tell('POST', `/v1/mcp/servers/${server}/refresh`, {});
  await drivePeopleAndKeys();

  const { body: document } = await admin.call('GET', '/openapi.json');
  const lists = Object.entries<Record<string, unknown>>(document.paths)
    .filter(
      ([path, methods]) =>
        'get' in methods &&
        !path.includes('{') &&
        !path.endsWith('/stream') &&
        !path.endsWith('/export') &&
        !path.startsWith('/v1/actions'),
    )
    .map(([path]) => path);
  expect(lists.length).toBeGreaterThan(20);
  await eventually(async () => (receiver.received.some(({ body }) => body.includes('own.act')) ? true : undefined));
  for (const path of [
    ...lists,
    '/metrics',
    '/readyz',
    '/v1/agents/bot',
    '/v1/mcp/servers/stdio',
    '/v1/mcp/servers/stdio/definitions',
    '/v1/audit/events?limit=200',
  ])
    await tell('GET', path);
  const archive = await fetch(`http://127.0.0.1:${port}/v1/audit/export`, {
    headers: { authorization: `Bearer ${adminKey}` },
  });
  answered.push(Buffer.from(await archive.arrayBuffer()).toString('latin1'));
  const stream = await fetch(`http://127.0.0.1:${port}/v1/audit/stream?from_seq=1`, {
    headers: { authorization: `Bearer ${adminKey}`, accept: 'text/event-stream' },
  });
  const reader = stream.body?.getReader();
  for (let text = ''; !text.includes('own.act'); ) {
    const { value } = (await reader?.read()) ?? {};
    if (value === undefined) break;
    text += Buffer.from(value).toString();
    answered.push(text);
  }
  await reader?.cancel();

  const shown = (what: string, text: string) => expect([what, marksIn(text)]).toEqual([what, []]);
  shown('answers', answered.join('\n'));
  shown('webhooks', receiver.received.map(({ body }) => body).join('\n'));

  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
  expect(output.length).toBeGreaterThan(1000);
  shown('standard output and error', output);

  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const { rows: tables } = await client.query<{ name: string }>(
    `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema')`,
  );
  expect(tables.length).toBeGreaterThan(25);
  for (const { name } of tables) {
    const { rows } = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} AS t`);
    const text = rows.map(({ row }) => row).join('\n');
    const bytes = [...text.matchAll(/\\x([0-9a-f]{16,})/g)].map(([, hex = '']) =>
      Buffer.from(hex, 'hex').toString('latin1'),
    );
    shown(`table ${name}`, `${text}\n${bytes.join('\n')}`);
  }
  // What is planted is found: a search that finds nothing anywhere has not looked.
  await client.query('UPDATE people SET display_name = $1 WHERE email = $2', [`by ${KV}`, 'dana@acme.example']);
  const { rows: leaked } = await client.query<{ row: string }>('SELECT t::text AS row FROM people AS t');
  expect(marksIn(leaked.map(({ row }) => row).join('\n'))).toEqual(['hashicorp']);
  await client.end();

  const ours = new Set(['secret.key', 'log.key', 'admin.key', 'postgres.password']);
  for (const entry of readdirSync(join(folder, 'data'), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || ours.has(basename(entry.name))) continue;
    shown(`file ${entry.name}`, readFileSync(join(entry.parentPath, entry.name), 'latin1'));
  }
});
