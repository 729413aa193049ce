/** Ways past the gateway: each open beside closed, against servers of this machine. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseHostPort, tryDatabase, tryHost, trySocket } from '../src/bypass/connections.ts';
import { examineFiles, examineProcesses, examineVariables } from '../src/bypass/custody.ts';
import { examineDoors } from '../src/bypass/examine.ts';
import { tryEntrances, tryMetadata, tryNames, tryProxy } from '../src/bypass/services.ts';
import { runCli } from './run-cli.ts';

const SECRET = 'sk-a-value-that-nobody-may-see';
const closers: (() => void)[] = [];
let folder: string;
/** Nobody listens there any more. */
let dead: number;
let live: number;

async function serve(listener: RequestListener): Promise<{ readonly port: number; readonly server: Server }> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: portOf(server.address()), server };
}

function portOf(address: unknown): number {
  return typeof address === 'object' && address !== null && 'port' in address ? Number(address.port) : 0;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hivekey-bypass-'));
  live = (await serve((_req, res) => res.end('ok'))).port;
  const gone = createTcpServer().listen(0, '127.0.0.1');
  await once(gone, 'listening');
  dead = portOf(gone.address());
  gone.close();
  await once(gone, 'close');
});
afterAll(() => {
  for (const close of closers) close();
  rmSync(folder, { recursive: true });
});

const at = (port: number) => ({ host: '127.0.0.1', port });

describe('a host', () => {
  it.each([
    ['api.acme.example', { host: 'api.acme.example', port: 443 }],
    ['API.acme.example:8443', { host: 'api.acme.example', port: 8443 }],
    ['http://api.acme.example/x', { host: 'api.acme.example', port: 80 }],
    ['https://api.acme.example:443', { host: 'api.acme.example', port: 443 }],
    ['10.0.0.1:80', { host: '10.0.0.1', port: 80 }],
    ['[fd00:ec2::254]:80', { host: 'fd00:ec2::254', port: 80 }],
    ['::1', { host: '::1', port: 443 }],
    ['', undefined],
    ['a b', undefined],
    ['x:99999', undefined],
  ])('is read from %j', (text, expected) => expect(parseHostPort(text)).toEqual(expected));

  it('that takes connections is open, one that refuses is not known, one without a name is closed', async () => {
    expect(await tryHost('upstream', at(live))).toMatchObject({
      door: `127.0.0.1:${live}`,
      verdict: 'open',
      cause: 'it can be connected to, without TLS',
      remedy: expect.stringContaining('egress'),
    });
    expect(await tryHost('upstream', at(dead))).toMatchObject({ verdict: 'unknown', remedy: expect.any(String) });
    expect(await tryHost('provider', { host: 'nowhere.invalid', port: 443 })).toMatchObject({ verdict: 'closed' });
  });

  it('with TLS is told with the name in its certificate, whoever has signed it', async () => {
    const server = createTlsServer(selfSigned('intercepting-proxy.acme.example'), (socket) => socket.end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closers.push(() => server.close());
    expect(await tryHost('provider', at(portOf(server.address())))).toMatchObject({
      verdict: 'open',
      cause: 'it can be connected to, with TLS, the certificate names intercepting-proxy.acme.example',
    });
  });

  it('that takes a connection and says nothing is open all the same', async () => {
    const silent = createTcpServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    closers.push(() => silent.close());
    const target = at(portOf(silent.address()));
    expect(await tryHost('provider', target, 60)).toMatchObject({ verdict: 'open' });
    expect(await tryMetadata(target, 60)).toMatchObject({
      verdict: 'open',
      cause: 'something takes connections there',
    });
  });
});

describe('a service', () => {
  it('of metadata is open when it answers', async () => {
    expect(await tryMetadata(at(live))).toMatchObject({ kind: 'metadata', verdict: 'open' });
    expect(await tryMetadata(at(dead))).toMatchObject({ verdict: 'closed' });
  });

  it('of names is open when it resolves, and closed when it refuses or is silent', async () => {
    const resolver = createSocket('udp4');
    let answers: 'address' | 'refused' | 'none' = 'address';
    resolver.on('message', (query, { port, address }) => {
      if (answers === 'none') return;
      const head = Buffer.from(query.subarray(0, 12));
      head[2] = 0x81;
      head[3] = answers === 'address' ? 0x80 : 0x85;
      head.writeUInt16BE(answers === 'address' ? 1 : 0, 6);
      head.writeUInt32BE(0, 8);
      let end = 12;
      while (query[end] !== 0) end += (query[end] ?? 0) + 1;
      const question = query.subarray(12, end + 5);
      const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
      resolver.send(Buffer.concat([head, question, ...(answers === 'address' ? [answer] : [])]), port, address);
    });
    resolver.bind(0, '127.0.0.1');
    await once(resolver, 'listening');
    closers.push(() => resolver.close());
    const servers = [`127.0.0.1:${resolver.address().port}`];
    expect(await tryNames('example.com', servers)).toMatchObject({ kind: 'dns', verdict: 'open' });
    answers = 'refused';
    expect(await tryNames('example.com', servers)).toMatchObject({ verdict: 'closed' });
    answers = 'none';
    expect(await tryNames('example.com', servers, 60)).toMatchObject({ verdict: 'closed' });
  });

  it('that is a proxy is open when it connects, and its password is not told', async () => {
    const { port, server } = await serve((_req, res) => res.end());
    let status = '200 OK';
    server.on('connect', (_req, socket) => socket.end(`HTTP/1.1 ${status}\r\n\r\n`));
    const proxy = `http://user:${SECRET}@127.0.0.1:${port}`;
    const target = { host: 'api.openai.com', port: 443 };
    const door = await tryProxy(proxy, target);
    expect(door).toMatchObject({ door: `api.openai.com:443 through 127.0.0.1:${port}`, verdict: 'open' });
    expect(JSON.stringify(door)).not.toContain(SECRET);
    status = '403 Forbidden';
    expect(await tryProxy(proxy, target)).toMatchObject({ verdict: 'closed', cause: 'the proxy refuses (403)' });
    expect(await tryProxy(`http://127.0.0.1:${dead}`, target)).toMatchObject({ verdict: 'closed' });
  });

  it('of management is open when it answers without an admin key', async () => {
    const { port } = await serve((req, res) => {
      res.statusCode = req.headers.authorization === undefined ? 401 : 200;
      res.end();
    });
    const verdicts = async (token: string | undefined) =>
      (await tryEntrances(new URL(`http://127.0.0.1:${port}`), token)).map(({ verdict }) => verdict);
    expect(await verdicts(undefined)).toEqual(['closed', 'closed']);
    expect(await verdicts('hk_agt_x')).toEqual(['closed', 'open', 'closed']);
  });

  it('of containers or of the database is open when it takes connections', async () => {
    const path = join(folder, 'docker.sock');
    const server = createTcpServer().listen(path);
    await once(server, 'listening');
    closers.push(() => server.close());
    expect(await trySocket(path)).toMatchObject({ kind: 'socket', verdict: 'open' });
    expect(await trySocket(join(folder, 'podman.sock'))).toMatchObject({ verdict: 'closed', cause: 'it is not there' });
    expect(await tryDatabase(at(live))).toMatchObject({ kind: 'database', verdict: 'open' });
    expect(await tryDatabase(at(dead))).toMatchObject({ verdict: 'closed' });
  });
});

describe('a credential', () => {
  it.each([
    ['OPENAI_API_KEY', SECRET, 'variable'],
    ['AWS_SECRET_ACCESS_KEY', SECRET, 'variable'],
    ['GITHUB_TOKEN', SECRET, 'variable'],
    ['DATABASE', `postgres://app:${SECRET}@db/app`, 'variable'],
    ['SSH_AUTH_SOCK', '/tmp/agent.1', 'variable'],
    ['HIVEKEY_KEY', SECRET, 'key'],
    ['HIVEKEY_SECRET_KEY', SECRET, 'key'],
  ])('in %s is told by its name', (name, value, kind) => {
    const doors = examineVariables({ [name]: value, PATH: '/bin' });
    expect(doors).toEqual([expect.objectContaining({ door: name, kind, verdict: 'open', remedy: expect.any(String) })]);
    expect(JSON.stringify(doors)).not.toContain(value);
  });

  it.each([
    ['HIVEKEY_TOKEN', 'hk_agt_own'],
    ['HIVEKEY_URL', 'http://127.0.0.1:7420'],
    ['TOKENIZERS_PARALLELISM', 'false'],
    ['MONKEY', 'a-longer-value'],
    ['API_KEY', ''],
    ['USE_TOKEN', 'true'],
    ['HTTP_PROXY', 'http://proxy:3128'],
  ])('is not what stands in %s', (name, value) =>
    expect(examineVariables({ [name]: value }).map(({ verdict }) => verdict)).toEqual(['closed']),
  );

  it('in a file is told by its path, where it is one', async () => {
    const home = join(folder, 'home');
    const places = { home, folder: join(folder, 'project'), data: join(folder, 'data'), absolute: [] };
    for (const path of [join(home, '.aws'), places.folder, places.data]) mkdirSync(path, { recursive: true });
    writeFileSync(join(home, '.npmrc'), 'fund=false\n');
    expect(await examineFiles(places)).toMatchObject([{ verdict: 'closed' }]);
    writeFileSync(join(home, '.npmrc'), `//registry/:_authToken=${SECRET}\n`);
    writeFileSync(join(home, '.aws/credentials'), SECRET);
    writeFileSync(join(places.folder, '.env'), SECRET);
    writeFileSync(join(places.data, 'admin.key'), SECRET);
    writeFileSync(join(home, '.netrc'), '');
    const doors = await examineFiles(places);
    expect(doors.map(({ door, kind }) => [door.slice(folder.length), kind]).sort()).toEqual([
      ['/data/admin.key', 'key'],
      ['/home/.aws/credentials', 'file'],
      ['/home/.npmrc', 'file'],
      ['/project/.env', 'file'],
    ]);
    expect(JSON.stringify(doors)).not.toContain(SECRET);
  });

  it('in the memory of a HiveKey process is told of, where it can be read', async () => {
    const proc = join(folder, 'proc');
    for (const [pid, command, environment] of [
      ['17', 'node\0packages/server/src/main.ts\0', `HIVEKEY_SECRET_KEY=${SECRET}\0`],
      ['18', 'node\0hivekey\0doctor\0--bypass\0', 'A=b\0'],
      ['19', 'postgres\0', 'A=b\0'],
      ['20', 'node\0hivekey\0', ''],
    ] as const) {
      mkdirSync(join(proc, pid), { recursive: true });
      writeFileSync(join(proc, pid, 'cmdline'), command);
      writeFileSync(join(proc, pid, 'environ'), environment);
    }
    const doors = await examineProcesses(proc);
    expect(doors.map(({ door, verdict }) => [door, verdict])).toEqual([['process 17', 'open']]);
    expect(JSON.stringify(doors)).not.toContain(SECRET);
    expect(await examineProcesses(join(folder, 'none'))).toMatchObject([{ verdict: 'closed' }]);
  });
});

it('open doors come first, each once', async () => {
  const empty = { home: folder, folder, data: join(folder, 'none'), absolute: [] };
  const doors = await examineDoors({
    upstreams: [at(dead), at(live), at(live)],
    providers: [],
    names: [],
    metadata: [],
    sockets: [],
    databases: [],
    environment: {},
    places: { ...empty, home: join(folder, 'none') },
    patienceMs: 200,
  });
  expect(doors.filter(({ kind }) => kind === 'upstream').map(({ verdict }) => verdict)).toEqual(['open', 'unknown']);
  expect(doors[0]?.verdict).toBe('open');
});

it('the command reports as JSON or in words, and its exit code says whether a door is open', async () => {
  const home = mkdtempSync(join(folder, 'clean-'));
  const env = { HOME: home, HIVEKEY_DATA: join(home, 'data') };
  const run = (args: readonly string[], more = {}) =>
    runCli(['doctor', '--bypass', '--only', ...args], { env: { ...env, ...more }, cwd: home });
  writeFileSync(join(home, 'targets.json'), JSON.stringify({ hosts: [`127.0.0.1:${live}`] }));
  const [opened, unclear, strict, wrong] = await Promise.all([
    run(['--targets', join(home, 'targets.json'), '--json'], { OPENAI_API_KEY: SECRET }),
    run(['--host', `127.0.0.1:${dead}`]),
    run(['--host', `127.0.0.1:${dead}`, '--strict']),
    run(['--host', 'a b']),
  ]);
  expect(opened.code).toBe(3);
  const report = JSON.parse(opened.out);
  expect(report).toMatchObject({ object: 'bypass_report', open: report.doors.filter(isOpen).length });
  expect(report.doors.filter(isOpen).map(({ door }: { door: string }) => door)).toEqual(
    expect.arrayContaining(['OPENAI_API_KEY', `127.0.0.1:${live}`]),
  );
  expect(opened.out + opened.err).not.toContain(SECRET);
  expect(strict.code).toBe(3);
  expect(unclear.out).toContain('unknown');
  expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('is not a host')]);
});

function isOpen({ verdict }: { verdict: string }): boolean {
  return verdict === 'open';
}

/** A certificate (RFC 5280) of a name, by its own key. */
function selfSigned(name: string): { readonly key: string; readonly cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const der = (tag: number, ...parts: readonly Buffer[]): Buffer => {
    const body = Buffer.concat(parts);
    const length = body.length < 128 ? [body.length] : [0x82, body.length >> 8, body.length & 255];
    return Buffer.concat([Buffer.from([tag, ...length]), body]);
  };
  const sequence = (...parts: readonly Buffer[]): Buffer => der(0x30, ...parts);
  const oid = (hex: string): Buffer => der(6, Buffer.from(hex, 'hex'));
  const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'));
  const commonName = sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(name)))));
  const time = (year: number): Buffer => der(0x18, Buffer.from(`${year}0101000000Z`));
  const body = sequence(
    der(0xa0, der(2, Buffer.from([2]))),
    der(2, Buffer.from([1])),
    ecdsaWithSha256,
    commonName,
    sequence(time(2020), time(2099)),
    commonName,
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  const signature = Buffer.concat([Buffer.from([0]), sign('sha256', body, privateKey)]);
  const certificate = sequence(body, ecdsaWithSha256, der(3, signature));
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${certificate.toString('base64')}\n-----END CERTIFICATE-----\n`,
  };
}
