/** Addresses that lead inside, in every spelling, for whatever HiveKey connects to on somebody's word. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWorkspace, type Workspace } from '../../packages/server/test/actions/workspace.ts';
import { answerOk, anyTool, type Recorder, startRecorder } from './recorder.ts';

let workspace: Workspace;
/** A service on loopback that must not be reached. */
let inside: Recorder;
let port: number;
let touched = 0;
const victim = createServer((_req, res) => {
  touched += 1;
  res.end('{}');
});

beforeAll(async () => {
  victim.listen(0, '127.0.0.1');
  await once(victim, 'listening');
  const address = victim.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
  inside = await startRecorder([anyTool('act')], answerOk);
  // The one thing that the operator allows by name.
  workspace = await startWorkspace({ upstream_allow: [new URL(inside.url).host] });
});
afterAll(async () => {
  await workspace.close();
  inside.close();
  victim.close();
});

const HOSTS = [
  ...[
    '127.0.0.1',
    'localhost',
    'LOCALHOST',
    'localhost.',
    '127.1',
    '127.0.1',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '017700000001',
    '0177.0.0.1',
    '127.0.0.1.',
    '127.255.255.254',
  ],
  ...[
    '[::1]',
    '[0:0:0:0:0:0:0:1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::127.0.0.1]',
    '[64:ff9b::127.0.0.1]',
    '[2002:7f00:1::]',
    '0.0.0.0',
    '0',
    '[::]',
    '①②⑦.⓪.⓪.①',
    '127。0。0。1',
    '１２７.0.0.1',
  ],
  ...[
    '169.254.169.254',
    '2852039166',
    '0xa9fea9fe',
    '[::ffff:169.254.169.254]',
    '[fd00:ec2::254]',
    '[fe80::1]',
    '168.63.129.16',
    '10.0.0.1',
    '172.16.0.1',
    '192.168.0.1',
    '100.64.0.1',
    '[fc00::1]',
    '[fec0::1]',
  ],
  ...[
    '224.0.0.1',
    '255.255.255.255',
    '198.18.0.1',
    '192.0.2.1',
    '[ff02::1]',
    '[2001:db8::1]',
    '[::ffff:10.0.0.1]',
    '[2002:a00:1::]',
    '[64:ff9b::10.0.0.1]',
  ],
];

describe('an MCP server', () => {
  let made = 0;
  const register = (endpoint: string, more: object = {}) => {
    made += 1;
    return workspace.call('POST', '/v1/mcp/servers', { body: { namespace: `s${made}`, endpoint, ...more } });
  };

  it('that the operator allows is reached', async () => {
    expect((await register(inside.url)).body.last_error).toBeNull();
  });

  it.each(HOSTS)('at %s is not', async (host) => {
    const before = touched;
    const { status, body } = await register(`http://${host}:${port}/mcp`);
    if (status === 201) expect(body.last_error).toMatch(/address|reach|resolve|connect/i);
    else expect(status).toBe(400);
    expect(touched).toBe(before);
  });

  it('that is allowed to be private is still not the metadata service', async () => {
    for (const host of ['169.254.169.254', '[fd00:ec2::254]', '168.63.129.16', '[::ffff:169.254.169.254]', '0.0.0.0']) {
      const { status, body } = await register(`http://${host}/`, { allow_private: true });
      expect([host, status === 400 || body.last_error !== null]).toEqual([host, true]);
    }
  });

  it.each([
    () => `http://allowed@127.0.0.1:${port}/`,
    () => `http://${new URL(inside.url).host}@127.0.0.1:${port}/`,
    () => `http://127.0.0.1:${port}/#${inside.url}`,
    () => 'file:///etc/passwd',
    () => 'gopher://127.0.0.1/',
    () => 'http:///etc/passwd',
    () => 'javascript:alert(1)',
    () => 'unix:/var/run/docker.sock',
    () => '//127.0.0.1/',
    () => '',
    () => `http://127.0.0.1:${port}\r\nHost: evil/`,
  ])('with a trick in its address is refused (%#)', async (endpoint) => {
    const before = touched;
    const { status, body } = await register(endpoint());
    expect(status === 400 || body.last_error !== null).toBe(true);
    expect(touched).toBe(before);
  });

  it('is not followed to where it redirects', async () => {
    const redirecting = await startRecorder([anyTool('act')], (_message, res) =>
      res.writeHead(307, { location: `http://127.0.0.1:${port}/stolen` }).end(),
    );
    const guide = await startWorkspace({ upstream_allow: [new URL(redirecting.url).host] });
    await guide.done('POST', '/v1/mcp/servers', {
      namespace: 'r',
      endpoint: redirecting.url,
      default_access: 'read-write',
      trust_annotations: true,
    });
    await guide.role('user', ['r.act']);
    const { token } = await guide.agent('bot', 'user');
    const before = touched;
    const { modern, send } = await import('../../packages/server/test/gateway-mcp/wire-client.ts');
    const answer = await send(
      Number(new URL(guide.server.url).port),
      modern(token, 'tools/call', { name: 'r__act', arguments: {} }),
    );
    expect(answer.json).toMatchObject({ result: { isError: true } });
    expect([redirecting.calls.length, touched]).toEqual([1, before]);
    await guide.close();
    redirecting.close();
  });
});

describe('a webhook', () => {
  const add = (url: string) => workspace.call('POST', '/v1/webhooks', { body: { url, events: ['role.changed'] } });

  it('to a public address is taken', async () => {
    expect((await add('https://hooks.example/hivekey')).status).toBe(201);
  });

  it.each(HOSTS.filter((host) => !/^localhost/i.test(host)))('to %s is not', async (host) => {
    for (const scheme of ['https', 'http'])
      expect([scheme, (await add(`${scheme}://${host}:${port}/`)).status]).toEqual([scheme, 400]);
  });

  it('in clear, with a user, or of another scheme is not', async () => {
    for (const url of [
      'http://hooks.example/',
      'https://a:b@hooks.example/',
      'https://hooks.example/#x',
      'ftp://hooks.example/',
      'file:///etc/passwd',
      'hooks.example',
      '',
    ])
      expect([url, (await add(url)).status]).toEqual([url, 400]);
  });

  it('to a name that leads inside is not posted to', async () => {
    const before = touched;
    expect((await add(`https://localhost:${port}/`)).status).toBe(201);
    await workspace.role('changed', []);
    const { eventually } = await import('../../packages/server/test/actions/workspace.ts');
    await eventually(async () => {
      const { body } = await workspace.call('GET', '/v1/webhooks');
      return JSON.stringify(body).includes('address is refused') ? true : undefined;
    });
    expect(touched).toBe(before);
  });
});
