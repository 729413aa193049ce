/** Every known way past the gateway, tried from where this runs. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type HostPort, nameOf, parseHostPort, tryDatabase, tryHost, trySocket } from './connections.ts';
import { examineFiles, examineProcesses, examineVariables, type Places } from './custody.ts';
import type { Door } from './door.ts';
import { tryEntrances, tryMetadata, tryNames, tryProxy } from './services.ts';

/** What is tried when nothing else is said. */
export const DEFAULTS = {
  providers: [
    'api.openai.com',
    'api.anthropic.com',
    'generativelanguage.googleapis.com',
    'api.stripe.com',
    'api.github.com',
    'slack.com',
    'graph.microsoft.com',
  ],
  names: ['example.com', 'api.openai.com'],
  metadata: [
    // AWS, Azure, Google Cloud, OpenStack and others
    '169.254.169.254:80',
    'metadata.google.internal:80',
    // AWS: ECS and EKS, and over IPv6
    '169.254.170.2:80',
    '169.254.170.23:80',
    '[fd00:ec2::254]:80',
    // Azure's host service; Alibaba Cloud; Oracle Cloud
    '168.63.129.16:80',
    '100.100.100.200:80',
    '192.0.0.192:80',
  ],
  sockets: [
    '/var/run/docker.sock',
    '/run/podman/podman.sock',
    '/run/containerd/containerd.sock',
    '/run/crio/crio.sock',
  ],
} as const;

const DATABASE_PORT = 5432;
const PROXIES = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy'];

export interface Examination {
  /** Where the gateway is, for its database and other entrances. */
  readonly gateway?: URL;
  /** Hosts of the registered servers and APIs. */
  readonly upstreams: readonly HostPort[];
  readonly providers: readonly HostPort[];
  readonly names: readonly string[];
  readonly metadata: readonly HostPort[];
  readonly sockets: readonly string[];
  readonly databases: readonly HostPort[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly places: Places;
  /** Of the system when absent. */
  readonly nameServers?: readonly string[];
  readonly patienceMs?: number;
}

export function defaultPlaces(environment: Readonly<Record<string, string | undefined>>): Places {
  return { home: homedir(), folder: process.cwd(), data: environment.HIVEKEY_DATA ?? join(process.cwd(), '.hivekey') };
}

/** Open ones first; otherwise in the order in which they are tried. */
export async function examineDoors(examination: Examination): Promise<readonly Door[]> {
  const { gateway, environment, patienceMs, nameServers } = examination;
  const proxies = [...new Set(PROXIES.map((name) => environment[name] ?? '').filter((value) => value !== ''))];
  const [elsewhere] = examination.providers;
  const databases =
    examination.databases.length > 0 || gateway === undefined
      ? examination.databases
      : [{ host: gateway.hostname.replace(/^\[(.*)\]$/, '$1'), port: DATABASE_PORT }];
  const found = await Promise.all([
    examineVariables(environment),
    examineFiles(examination.places),
    examineProcesses(),
    ...unique(examination.upstreams).map(async (target) => [await tryHost('upstream', target, patienceMs)]),
    ...unique(examination.providers).map(async (target) => [await tryHost('provider', target, patienceMs)]),
    ...examination.names.map(async (name) => [await tryNames(name, nameServers, patienceMs)]),
    ...(elsewhere === undefined ? [] : proxies.map(async (proxy) => [await tryProxy(proxy, elsewhere, patienceMs)])),
    ...unique(examination.metadata).map(async (target) => [await tryMetadata(target, patienceMs)]),
    ...unique(databases).map(async (target) => [await tryDatabase(target, patienceMs)]),
    ...(gateway === undefined ? [] : [tryEntrances(gateway, environment.HIVEKEY_TOKEN, patienceMs)]),
    ...examination.sockets.map(async (path) => [await trySocket(path, patienceMs)]),
  ]);
  const order = { open: 0, unknown: 1, closed: 2 };
  return found.flat().sort((one, other) => order[one.verdict] - order[other.verdict]);
}

function unique(targets: readonly HostPort[]): readonly HostPort[] {
  return [...new Map(targets.map((target) => [nameOf(target), target])).values()];
}

/** Throws for one that is none. */
export function hostPorts(texts: readonly string[], refuse: (text: string) => Error): readonly HostPort[] {
  return texts.map((text) => {
    const target = parseHostPort(text);
    if (target === undefined) throw refuse(text);
    return target;
  });
}
