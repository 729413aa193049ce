/**
 * No stdio server outlives HiveKey, however HiveKey ends: a small process of ours, whose input is a pipe from
 * us, ends the process groups it was told of when that pipe closes. An orderly stop ends them itself.
 */
import { type ChildProcess, spawn } from 'node:child_process';

/** The same extension as this file: sources run as they are, and published files are compiled. */
const PROGRAM = import.meta.filename.replace(/guardian(\.[a-z]+)$/, 'guardian-process$1');

const groups = new Set<number>();
let guardian: ChildProcess | undefined;

function tell(text: string): void {
  guardian ??= start();
  guardian.stdin?.write(text);
}

function start(): ChildProcess {
  // Its own session, so that what ends us from a terminal does not end it first.
  const child = spawn(process.execPath, [PROGRAM], { stdio: ['pipe', 'ignore', 'ignore'], detached: true, env: {} });
  const gone = (): void => {
    if (guardian === child) guardian = undefined;
  };
  child.on('error', gone);
  child.on('exit', gone);
  child.stdin.on('error', () => undefined);
  child.unref();
  if ('unref' in child.stdin && typeof child.stdin.unref === 'function') child.stdin.unref();
  // One that died is followed by one that knows as much.
  for (const group of groups) child.stdin.write(`+${group}\n`);
  return child;
}

/** `group`: id of a process group that must end with us. */
export function guard(group: number): void {
  if (groups.has(group)) return;
  tell(`+${group}\n`);
  groups.add(group);
}

/** The group is gone; its id may be given to somebody else. */
export function release(group: number): void {
  if (groups.delete(group)) tell(`-${group}\n`);
}
