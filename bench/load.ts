/** A load of MCP requests over kept-open connections, each latency noted; and the statistics of samples. */
import { Pool } from 'undici';

export interface LoadTarget {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Body of call `i`. */
  body(i: number): string;
  /** What a good answer contains. */
  readonly expected: string;
}

export interface LoadResult {
  readonly calls: number;
  readonly seconds: number;
  /** Milliseconds, sorted. With a rate, from the moment at which the call was due. */
  readonly latenciesMs: Float64Array;
}

/** Whichever bound is reached first ends the run. */
export interface RunOptions {
  readonly calls?: number;
  readonly seconds?: number;
  /** Calls a second, spread evenly; without it each connection sends its next call when the last is answered. */
  readonly rate?: number;
}

export interface Load {
  run(options: RunOptions): Promise<LoadResult>;
  close(): Promise<void>;
}

/** Opens the connections; they stay open between runs. */
export function openLoad(target: LoadTarget, connections: number): Load {
  const pool = new Pool(`http://127.0.0.1:${target.port}`, { connections, pipelining: 1 });
  let next = 0;
  const call = async (): Promise<void> => {
    const body = target.body(next++);
    const answer = await pool.request({ method: 'POST', path: target.path, headers: target.headers, body });
    const text = await answer.body.text();
    if (answer.statusCode !== 200 || !text.includes(target.expected))
      throw new Error(`unexpected answer, HTTP ${answer.statusCode}: ${text.slice(0, 300)}`);
  };
  return {
    run: async ({ calls = Number.POSITIVE_INFINITY, seconds = Number.POSITIVE_INFINITY, rate }) => {
      const latencies: number[] = [];
      const start = performance.now();
      const end = start + seconds * 1000;
      let due = start;
      let begun = 0;
      const worker = async (): Promise<void> => {
        for (;;) {
          begun += 1;
          if (begun > calls) return;
          let from = performance.now();
          if (rate !== undefined) {
            from = due;
            due += 1000 / rate;
            const wait = from - performance.now();
            // A timer is a millisecond coarse; what is nearer is sent at once.
            if (wait >= 1) await new Promise((resolve) => setTimeout(resolve, wait));
            from = Math.min(Math.max(from, start), performance.now());
          }
          if (from >= end) return;
          await call();
          latencies.push(performance.now() - from);
        }
      };
      await Promise.all(Array.from({ length: connections }, worker));
      return {
        calls: latencies.length,
        seconds: (performance.now() - start) / 1000,
        latenciesMs: Float64Array.from(latencies).sort(),
      };
    },
    close: () => pool.close(),
  };
}

/** The value below which the share `q` of sorted values lies. */
export function quantile(sorted: Float64Array, q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return quantile(Float64Array.from(values).sort(), 0.5);
}
