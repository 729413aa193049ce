/** The log as a stream to SIEMs: sinks, each with its own cursor, sent by one node at a time. */
import type { Pool } from 'pg';
import { Lanes, rulesFor } from '../delivery/index.ts';

import type { RunningLog } from '../log/index.ts';
import type { Logger, SinkObserver } from '../observability/index.ts';
import type { Rounds } from '../rounds.ts';
import type { SecretStore } from '../upstreams/index.ts';
import { depsOf, type SinksContext } from './context.ts';
import { runLane } from './lane.ts';
import { SINK_TYPES } from './registry.ts';
import { findSink, workspaceOf } from './store.ts';
import { leaseStreams, releaseLease, type Stream } from './streams.ts';
import type { Transport } from './transport.ts';
import { watchSinks } from './watch.ts';

export { liveCursors } from './cursors.ts';

export interface SinksOptions {
  readonly pool: Pool;
  readonly log: RunningLog;
  readonly secrets: SecretStore;
  readonly nodeId: string;
  readonly version: string;
  /** Hosts, host:port or ranges that may be private addresses, and may be reached without TLS. */
  readonly allowedHosts: readonly string[];
  /** Folder below which file sinks may write, absolute. */
  readonly filesFolder: string | undefined;
  readonly logger: Logger;
  readonly observe: SinkObserver;
  /** Epoch milliseconds. */
  readonly clock: () => number;
}

export interface Sinks extends SinksContext {
  /** Ends what this node sends and gives its streams back. */
  close(): Promise<void>;
}

/** Starts sending. */
export function startSinks(options: SinksOptions): Sinks {
  return new Manager(options).sinks;
}

class Manager {
  readonly sinks: Sinks;
  readonly #options: SinksOptions;
  readonly #lanes: Lanes<Stream>;
  readonly #watch: Rounds;

  constructor(options: SinksOptions) {
    const { pool, nodeId, logger, allowedHosts, ...parts } = options;
    this.#options = options;
    this.sinks = {
      ...parts,
      pool,
      logger,
      rules: rulesFor(allowedHosts),
      look: () => this.#lanes.look(),
      close: async () => {
        await Promise.all([this.#lanes.close(), this.#watch.close()]);
      },
    };
    this.#lanes = new Lanes({
      what: 'a sink',
      logger,
      lease: (held) => leaseStreams(pool, nodeId, held),
      idOf: ({ id }) => id,
      run: (stream, signal) => this.#run(stream, signal),
    });
    this.#watch = watchSinks(this.sinks);
  }

  async #run(stream: Stream, signal: AbortSignal): Promise<void> {
    const { pool, log, logger, observe, clock } = this.#options;
    const { workspaceId, sinkId, purpose } = stream;
    const [sink, place] = await Promise.all([findSink(pool, workspaceId, sinkId), workspaceOf(pool, workspaceId)]);
    if (sink === undefined) return releaseLease(pool, stream);
    const connect = async (): Promise<Transport> => {
      const { name, format } = sink;
      const identity = { id: sinkId, name, workspaceId, ...place, format, replay: purpose !== 'live' };
      return SINK_TYPES[sink.kind].open(sink.settings).connect(depsOf(this.sinks, identity));
    };
    await runLane({ pool, log, logger, observe, sink, stream, place, connect, clock, random: Math.random, signal });
  }
}
