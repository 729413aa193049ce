/** rsyslog, as integrations/rsyslog configures it, with plain TCP and plain RELP beside it. */
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Certificate } from '../../../../../test/setup/certificates.ts';
import { freePort, listening, type Program, removeFolder, run, temporaryFolder, unpacked } from './program.ts';

const SHIPPED = fileURLToPath(new URL('../../../../../integrations/rsyslog/hivekey.conf', import.meta.url));

export interface SyslogReceiver<Port extends string> extends AsyncDisposable {
  readonly ports: Readonly<Record<Port, number>>;
  /** Where it writes to. */
  readonly file: string;
  /** Of its file, each with priority, header, structured data and text. */
  lines(): Promise<readonly string[]>;
  /** It reads nothing more, and is there. */
  pause(): void;
  /** As a power cut would. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

export interface ReceiverOptions {
  /** PEM of the authority that clients are to have their certificates from. */
  readonly ca: string;
  readonly server: Certificate;
}

/** `defaults`: with the limits that rsyslog has by itself. */
export async function startRsyslog(
  { ca, server }: ReceiverOptions,
  { defaults }: { readonly defaults: boolean },
): Promise<SyslogReceiver<'tls' | 'relpTls' | 'tcp' | 'relp'>> {
  const folder = await temporaryFolder();
  const path = (name: string): string => join(folder, name);
  const ports = { tls: await freePort(), relpTls: await freePort(), tcp: await freePort(), relp: await freePort() };
  const shipped = await readFile(SHIPPED, 'utf8');
  const here = shipped
    .replaceAll('/etc/hivekey', folder)
    .replaceAll('/var/spool/rsyslog', folder)
    .replaceAll('/var/log', folder)
    .replace('port="6514"', `port="${ports.tls}" address="127.0.0.1"`)
    .replace('port="2514"', `port="${ports.relpTls}" address="127.0.0.1"`);
  const limited = defaults ? here.replace('maxMessageSize="64k"', '').replace('maxDataSize="64k"', '') : here;
  await writeFile(path('ca.pem'), ca);
  await writeFile(path('receiver.pem'), server.certificate);
  await writeFile(path('receiver.key'), server.key);
  await writeFile(
    path('rsyslog.conf'),
    `${limited}
module(load="imptcp")
input(type="imptcp" port="${ports.tcp}" address="127.0.0.1" ruleset="hivekey")
input(type="imrelp" port="${ports.relp}" address="127.0.0.1" ruleset="hivekey")
`,
  );
  const modules = dirname(unpacked('rsyslog/imtcp.so'));
  let program: Program | undefined;
  const kill = async (): Promise<void> => program?.kill();
  const start = async (): Promise<void> => {
    program = run('usr/sbin/rsyslogd', { args: ['-n', '-f', path('rsyslog.conf'), '-i', path('pid'), '-M', modules] });
    for (const port of Object.values(ports)) await listening(port, program);
  };
  await start();
  return {
    ports,
    file: path('hivekey.log'),
    lines: () => completeLines(path('hivekey.log')),
    pause: () => program?.pause(),
    kill,
    start,
    [Symbol.asyncDispose]: async () => {
      await kill();
      await removeFolder(folder);
    },
  };
}

export async function completeLines(path: string): Promise<readonly string[]> {
  return (await readFile(path, 'utf8').catch(() => '')).split('\n').slice(0, -1);
}
