/** Where a bundle is read from: a folder. */
export interface BundleSource {
  /** Whatever lies below the folder and is no folder, with `/`; `isPlain` is false for links and whatever else is no file. */
  list(): AsyncIterable<BundleFile>;
  read(path: string): AsyncIterable<Uint8Array>;
}

export interface BundleFile {
  readonly path: string;
  readonly isPlain: boolean;
  readonly bytes: number;
}

/** The whole file; undefined where it is longer than `limit`. */
export async function readWhole(source: BundleSource, path: string, limit: number): Promise<Buffer | undefined> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of source.read(path)) {
    length += part.length;
    if (length > limit) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

const LINE_FEED = 0x0a;

/** Lines without their line feed, of at most `limit` bytes; a longer one comes as undefined, and is the last. What follows the last line feed is a line too. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>, limit: number): AsyncGenerator<string | undefined> {
  let rest = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
      yield bytes.toString('latin1', start, end);
      start = end + 1;
    }
    rest = bytes.subarray(start);
    if (rest.length > limit) return yield undefined;
  }
  if (rest.length > 0) yield rest.toString('latin1');
}
