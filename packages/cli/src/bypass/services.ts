/** Doors that answer in a protocol: metadata services of clouds, names, proxies, and the gateway itself. */
import { Resolver } from 'node:dns/promises';
import { request } from 'node:http';
import { request as requestTls } from 'node:https';
import { type HostPort, nameOf, parseHostPort, reach } from './connections.ts';
import { closed, type Door, open, PATIENCE_MS } from './door.ts';

/** The status of the answer to one GET; undefined when there is none. Bodies are not read. */
function statusOf(
  url: URL,
  headers: Readonly<Record<string, string>>,
  patienceMs: number,
): Promise<number | undefined> {
  return new Promise((resolve) => {
    const send = url.protocol === 'https:' ? requestTls : request;
    const asked = send(url, { headers, agent: false, timeout: patienceMs }, (answer) => {
      answer.destroy();
      resolve(answer.statusCode);
    });
    const timer = setTimeout(() => asked.destroy(), patienceMs);
    asked.once('close', () => {
      clearTimeout(timer);
      resolve(undefined);
    });
    asked.once('error', () => resolve(undefined));
    asked.end();
  });
}

/** What a cloud tells and gives whoever runs on it: its identity, often with its permissions. */
export async function tryMetadata(target: HostPort, patienceMs: number = PATIENCE_MS): Promise<Door> {
  const door = nameOf(target);
  const status = await statusOf(new URL(`http://${door}/`), { 'metadata-flavor': 'Google' }, patienceMs);
  if (status !== undefined)
    return open(
      'metadata',
      door,
      `a metadata service answers (${status})`,
      'Close 169.254.0.0/16 for the agent, and require session tokens with a hop limit of 1.',
    );
  const reached = await reach(target, patienceMs);
  return reached.kind === 'connected'
    ? open('metadata', door, 'something takes connections there', 'Close 169.254.0.0/16 for the agent.')
    : closed('metadata', door, 'no metadata service answers');
}

/** Whoever can look up any name can send data out in the names. `servers`: of the system when absent. */
export async function tryNames(
  name: string,
  servers?: readonly string[],
  patienceMs: number = PATIENCE_MS,
): Promise<Door> {
  const resolver = new Resolver({ timeout: patienceMs, tries: 1 });
  if (servers !== undefined) resolver.setServers([...servers]);
  try {
    await resolver.resolve4(name);
    return open(
      'dns',
      name,
      'names of the internet are resolved: data can leave in them',
      'Give the agent a resolver that knows the gateway alone, and close port 53 to all others.',
    );
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'it failed';
    return closed('dns', name, `it is not resolved (${code})`);
  }
}

/** A proxy that takes the agent anywhere. `proxy` is a URL; what it holds beside host and port is not shown. */
export async function tryProxy(proxy: string, to: HostPort, patienceMs: number = PATIENCE_MS): Promise<Door> {
  const target = parseHostPort(proxy);
  if (target === undefined)
    return { door: 'proxy', kind: 'proxy', verdict: 'unknown', cause: 'its address is not understood' };
  const door = `${nameOf(to)} through ${nameOf(target)}`;
  const status = await new Promise<number | undefined>((resolve) => {
    const asked = request({ host: target.host, port: target.port, method: 'CONNECT', path: nameOf(to), agent: false });
    const timer = setTimeout(() => asked.destroy(), patienceMs);
    asked.once('connect', (answer, socket) => {
      socket.destroy();
      resolve(answer.statusCode);
    });
    asked.once('close', () => {
      clearTimeout(timer);
      resolve(undefined);
    });
    asked.once('error', () => resolve(undefined));
    asked.end();
  });
  if (status !== undefined && status >= 200 && status < 300)
    return open('proxy', door, 'the proxy of the environment connects there', 'Have it refuse all but the gateway.');
  return closed('proxy', door, status === undefined ? 'the proxy does not answer' : `the proxy refuses (${status})`);
}

/** Where an inspector of Node.js listens, everything in its process can be read. */
const INSPECTOR_PORT = 9229;

/** The control plane's other entrances, from where the agent is. `token`: the agent's own. */
export async function tryEntrances(
  gateway: URL,
  token: string | undefined,
  patienceMs: number = PATIENCE_MS,
): Promise<readonly Door[]> {
  const management = new URL('/v1/agents', gateway);
  const authorization: Readonly<Record<string, string>> =
    token === undefined ? {} : { authorization: `Bearer ${token}` };
  const [bare, asAgent, inspector] = await Promise.all([
    statusOf(management, {}, patienceMs),
    statusOf(management, authorization, patienceMs),
    reach({ host: gateway.hostname.replace(/^\[(.*)\]$/, '$1'), port: INSPECTOR_PORT }, patienceMs),
  ]);
  const answers = (who: string, status: number | undefined): Door => {
    const door = `${management.origin}/v1/agents ${who}`;
    if (status === undefined) return closed('entrance', door, 'it does not answer');
    return status < 300
      ? open(
          'entrance',
          door,
          'the management API answers without an admin key',
          'Put nothing before it that adds a key.',
        )
      : closed('entrance', door, `it refuses (${status})`);
  };
  return [
    answers('without a key', bare),
    ...(token === undefined ? [] : [answers('with the agent token', asAgent)]),
    inspector.kind === 'connected'
      ? open(
          'entrance',
          `${gateway.hostname}:${INSPECTOR_PORT}`,
          'a debugger of Node.js takes connections beside the gateway',
          'Start HiveKey without --inspect.',
        )
      : closed('entrance', `${gateway.hostname}:${INSPECTOR_PORT}`, 'no debugger listens'),
  ];
}
