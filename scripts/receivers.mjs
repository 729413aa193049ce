/**
 * The receivers that tests send to: Debian's packages, unpacked into a folder of the clone. They are not installed, so
 * no service starts, the machine's own logger stays what it is, and two that exclude each other stand side by side.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fail, root } from './prepare.mjs';

/** Each line is asked for alone: rsyslog and syslog-ng exclude each other. */
const PACKAGES = [['rsyslog', 'rsyslog-gnutls', 'rsyslog-relp'], ['syslog-ng-core'], ['nats-server'], ['kcat']];
const folder = join(root, 'node_modules', '.cache', 'receivers');

export function ensureReceivers() {
  const mark = join(folder, 'packages.json');
  const wanted = JSON.stringify(PACKAGES);
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return;
  process.stderr.write('Unpacking the receivers for the tests of sinks (once) …\n');
  if (spawnSync('apt-get', ['--version']).status !== 0 || spawnSync('dpkg', ['--version']).status !== 0)
    fail(
      'The tests of sinks send to rsyslog, syslog-ng, nats-server and kcat, which are unpacked from packages of Debian.',
      'Run the tests on Debian or Ubuntu, or in a container of one (docker run -it node:24-bookworm).',
    );
  mkdirSync(join(folder, '..'), { recursive: true });
  const fresh = mkdtempSync(`${folder}-`);
  for (const packages of PACKAGES) {
    if (unpack(packages, fresh)) continue;
    const sudo = process.getuid() === 0 ? [] : ['sudo', '-n'];
    const [command, ...rest] = [...sudo, 'apt-get', 'update', '-qq'];
    spawnSync(command, rest, { stdio: ['ignore', 'ignore', 'inherit'] });
    if (!unpack(packages, fresh))
      fail(`The packages ${packages.join(', ')} could not be had.`, 'Run apt-get update, and see the lines above.');
  }
  writeFileSync(join(fresh, 'packages.json'), wanted);
  rmSync(folder, { recursive: true, force: true });
  renameSync(fresh, folder);
}

/** The packages, and what they need that this machine lacks; what it could merely have newer is left alone. */
function unpack(packages, into) {
  const asked = spawnSync('apt-get', ['install', '--simulate', '-qq', '--no-install-recommends', ...packages], {
    encoding: 'utf8',
  });
  if (asked.status !== 0) return false;
  const missing = asked.stdout.split('\n').flatMap((line) => /^Inst (\S+) \(/.exec(line)?.[1] ?? []);
  const files = mkdtempSync(join(into, 'deb-'));
  const { status } = spawnSync('apt-get', ['download', '-qq', ...new Set([...packages, ...missing])], {
    cwd: files,
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  const unpacked =
    status === 0 && readdirSync(files).every((file) => spawnSync('dpkg', ['-x', join(files, file), into]).status === 0);
  rmSync(files, { recursive: true });
  return unpacked;
}
