/** doctor --bypass: whether there is a way past the gateway from where the agent runs; doctor --targets: what to try there. */
import { hostname, userInfo } from 'node:os';
import type { HiveKey } from '@hivekey/sdk';
import type { Door } from '../bypass/door.ts';
import { DEFAULTS, defaultPlaces, examineDoors, hostPorts } from '../bypass/examine.ts';
import { EXIT, UsageError } from '../exit.ts';
import { checkedUrl } from '../login.ts';
import { type Output, paint, printable } from '../output.ts';
import { jsonObject, readText } from '../values.ts';

export interface BypassOptions {
  readonly url?: string;
  readonly targets?: string;
  readonly host?: readonly string[];
  readonly provider?: readonly string[];
  readonly database?: readonly string[];
  readonly strict?: boolean;
  readonly only?: boolean;
}

interface Targets {
  readonly object: 'bypass_targets';
  readonly gateway: string;
  readonly hosts: readonly string[];
}

/** Hosts of everything that is registered, for a place where no admin key is. */
export async function collectTargets(hivekey: HiveKey): Promise<Targets> {
  const servers = await hivekey.all<Registered>('/v1/mcp/servers');
  const apis = await hivekey.all<Registered>('/v1/http/apis');
  const urls = [...servers, ...apis].flatMap(({ endpoint, injection }) => [endpoint, injection?.oauth?.token_url]);
  const hosts = urls.flatMap((url) => {
    const parsed = url === null || url === undefined ? null : URL.parse(url);
    if (parsed === null) return [];
    return [parsed.port === '' ? `${parsed.hostname}:${parsed.protocol === 'http:' ? 80 : 443}` : parsed.host];
  });
  return { object: 'bypass_targets', gateway: hivekey.url, hosts: [...new Set(hosts)].sort() };
}

interface Registered {
  readonly endpoint: string | null;
  readonly injection: { readonly oauth?: { readonly token_url: string } } | null;
}

function readTargets(path: string): { readonly gateway: string | undefined; readonly hosts: readonly string[] } {
  const { gateway, hosts } = jsonObject(readText(path));
  if (!Array.isArray(hosts) || !hosts.every((host) => typeof host === 'string'))
    throw new UsageError(`${path} holds no hosts.`, 'Make it with: hivekey doctor --targets > targets.json');
  return { gateway: typeof gateway === 'string' ? gateway : undefined, hosts };
}

const MARKS = { closed: paint('green', '✓'), unknown: paint('yellow', '?'), open: paint('red', '✗') };

function line({ door, kind, verdict, cause, remedy }: Door): string {
  const after = remedy === undefined || verdict === 'closed' ? '' : paint('dim', `\n    → ${remedy}`);
  return `${MARKS[verdict]} ${kind.padEnd(9)} ${printable(door)}: ${printable(cause)}${after}`;
}

/** Exit code 3 when a door is open; with `strict`, also when it is not known. */
export async function examineBypass(
  out: Output,
  options: BypassOptions,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<number> {
  const given = options.targets === undefined ? undefined : readTargets(options.targets);
  const gateway = options.url ?? given?.gateway ?? environment.HIVEKEY_URL;
  const refuse = (text: string): Error =>
    new UsageError(`${text} is not a host.`, 'Write host, host:port, [address]:port or a URL.');
  const defaults = options.only === true ? { providers: [], names: [], metadata: [], sockets: [] } : DEFAULTS;
  const doors = await examineDoors({
    ...(gateway === undefined ? {} : { gateway: new URL(checkedUrl(gateway)) }),
    upstreams: hostPorts([...(given?.hosts ?? []), ...(options.host ?? [])], refuse),
    providers: hostPorts([...defaults.providers, ...(options.provider ?? [])], refuse),
    names: defaults.names,
    metadata: hostPorts(defaults.metadata, refuse),
    sockets: defaults.sockets,
    databases: hostPorts(options.database ?? [], refuse),
    environment,
    places: defaultPlaces(environment),
  });
  const count = (verdict: Door['verdict']): number => doors.filter((each) => each.verdict === verdict).length;
  const counts = { open: count('open'), unknown: count('unknown'), closed: count('closed') };
  const place = { host: hostname(), user: userInfo().username };
  out.result({ object: 'bypass_report', place, checked_at: new Date().toISOString(), ...counts, doors }, () =>
    [
      ...doors.map(line),
      `${counts.open} open, ${counts.unknown} unknown, ${counts.closed} closed, as ${place.user} on ${place.host}`,
    ].join('\n'),
  );
  const isFine = counts.open === 0 && (options.strict !== true || counts.unknown === 0);
  return isFine ? EXIT.done : EXIT.checkFailed;
}
