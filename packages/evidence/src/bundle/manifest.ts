/** `MANIFEST.sha256`: every file of a bundle by its digest, in the form of `sha256sum -c` and `shasum -a 256 -c`. */

/** Files that are about the manifest and therefore cannot stand in it. All others do, and no further ones may lie beside them. */
export const MANIFEST_FILE = 'MANIFEST.sha256';
export const SIGNATURE_FILES = {
  ssh: 'MANIFEST.sha256.sshsig',
  raw: 'MANIFEST.sha256.sig',
  timestamp: 'MANIFEST.tsr',
  statement: 'bundle.dsse.json',
} as const;

/** Relative, without `.` and `..`, and of characters that no shell, archive or file system takes amiss. */
const PATH = /^(?!\.)[A-Za-z0-9._-]{1,120}(\/(?!\.)[A-Za-z0-9._-]{1,120}){0,7}$/;
const LINE = /^([0-9a-f]{64}) {2}(.+)$/;

export interface ManifestEntry {
  readonly path: string;
  /** Hex. */
  readonly sha256: string;
}

export function isBundlePath(path: string): boolean {
  return PATH.test(path);
}

/** Sorted by bytes of the path. Throws RangeError for a path that could not be in a bundle, and for one that is there twice. */
export function formatFileManifest(entries: readonly ManifestEntry[]): string {
  const sorted = entries.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  for (const [i, { path }] of sorted.entries()) {
    if (!isBundlePath(path) || isAbout(path)) throw new RangeError(`not a path in a bundle: ${path}`);
    if (path === sorted[i - 1]?.path) throw new RangeError(`twice in a bundle: ${path}`);
  }
  return sorted.map(({ path, sha256 }) => `${sha256}  ${path}\n`).join('');
}

/** Undefined where the text is anything else than {@link formatFileManifest} writes. */
export function parseFileManifest(text: string): readonly ManifestEntry[] | undefined {
  const lines = text.split('\n');
  if (lines.pop() !== '' || lines.length === 0) return undefined;
  const entries: ManifestEntry[] = [];
  for (const line of lines) {
    const [, sha256, path] = LINE.exec(line) ?? [];
    const before = entries.at(-1)?.path;
    if (sha256 === undefined || path === undefined || !isBundlePath(path) || isAbout(path)) return undefined;
    if (before !== undefined && before >= path) return undefined;
    entries.push({ path, sha256 });
  }
  return entries;
}

/** Whether it stands beside the manifest. */
export function isAbout(path: string): boolean {
  return path === MANIFEST_FILE || Object.values<string>(SIGNATURE_FILES).includes(path);
}
