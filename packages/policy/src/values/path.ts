/** Absolute POSIX paths that every program reads alike. */

const MAX_PATH = 4_096;
/** Backslashes, percent signs and control characters are read differently by different programs. */
const UNCLEAR = /[\\%\p{C}]/u;

/** Absolute, printable, without empty, `.` and `..` parts, and without what some program would decode further. */
export function isCleanPath(path: string): boolean {
  if (path === '/') return true;
  if (!path.startsWith('/') || path.length > MAX_PATH || UNCLEAR.test(path)) return false;
  const parts = (path.endsWith('/') ? path.slice(1, -1) : path.slice(1)).split('/');
  return parts.every((part) => part !== '' && part !== '.' && part !== '..');
}

/** Whether the path is the folder or below it. Both are clean. */
export function isUnder(path: string, folder: string): boolean {
  const base = folder.endsWith('/') ? folder : `${folder}/`;
  return path.startsWith(base) || path === base.slice(0, -1);
}
