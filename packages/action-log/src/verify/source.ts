/** Where the verifier reads an export from: a folder, an archive, memory. It asks for the names of EXPORT_FILES only. */
export interface ExportSource {
  /** Size in bytes; undefined when there is no such file. */
  size(path: string): Promise<number | undefined>;
  /** The bytes from `start` to `end` (exclusive). */
  read(path: string, start: number, end: number): AsyncIterable<Uint8Array>;
}

/** The whole file, or undefined when it is longer than `limit`. What it holds is what was read, whatever its size was said to be. */
export async function readBounded(chunks: AsyncIterable<Uint8Array>, limit: number): Promise<Buffer | undefined> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > limit) return undefined;
    parts.push(chunk);
  }
  return Buffer.concat(parts, length);
}

export const LINE_FEED = 0x0a;

/** Lines without their line feed. A line longer than `limit` comes as undefined, and is not kept. The last one may lack its line feed. */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  limit: number,
): AsyncGenerator<Buffer | undefined, void, undefined> {
  let carry: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      length += end - start;
      yield length > limit ? undefined : Buffer.concat([...carry, chunk.subarray(start, end)]);
      carry = [];
      length = 0;
      start = end + 1;
    }
    length += chunk.length - start;
    if (length > limit) carry = [];
    else if (start < chunk.length) carry.push(chunk.slice(start));
  }
  if (length > 0) yield length > limit ? undefined : Buffer.concat(carry);
}
