/** syslog-ng, as integrations/syslog-ng configures it. */
import { readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, listening, type Program, removeFolder, run, temporaryFolder, unpacked } from './program.ts';
import { completeLines, type ReceiverOptions, type SyslogReceiver } from './rsyslog.ts';

const SHIPPED = fileURLToPath(new URL('../../../../../integrations/syslog-ng/hivekey.conf', import.meta.url));

/** Named after the version. */
function folderOfModules(): string {
  const folder = unpacked('usr/lib/syslog-ng');
  const version = readdirSync(folder).find((name) => /^\d+\.\d+$/.test(name));
  if (version === undefined) throw new Error(`${folder} has no modules`);
  return join(folder, version);
}

export async function startSyslogNg({ ca, server }: ReceiverOptions): Promise<SyslogReceiver<'tls'>> {
  const folder = await temporaryFolder();
  const path = (name: string): string => join(folder, name);
  const ports = { tls: await freePort() };
  const modules = folderOfModules();
  const shipped = await readFile(SHIPPED, 'utf8');
  await writeFile(path('ca.pem'), ca);
  await writeFile(path('receiver.pem'), server.certificate);
  await writeFile(path('receiver.key'), server.key);
  await writeFile(
    path('syslog-ng.conf'),
    `@version: 3.38\n${shipped
      .replaceAll('/etc/hivekey', folder)
      .replaceAll('/var/log', folder)
      .replace('port(6514)', `ip(127.0.0.1) port(${ports.tls})`)}`,
  );
  let program: Program | undefined;
  const kill = async (): Promise<void> => program?.kill();
  const start = async (): Promise<void> => {
    program = run('usr/sbin/syslog-ng', {
      args: [
        ...['-F', '--no-caps', `--cfgfile=${path('syslog-ng.conf')}`, `--module-path=${modules}`],
        ...[`--persist-file=${path('persist')}`, `--control=${path('control')}`, `--pidfile=${path('pid')}`],
      ],
      libraries: ['usr/lib/syslog-ng'],
    });
    await listening(ports.tls, program);
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
