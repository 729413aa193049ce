/** Bounds on what an upstream may cost. Per upstream, so that a slow or hostile one hurts nobody else. */

export interface Limits {
  /** Opening a connection, milliseconds. */
  readonly connectMs: number;
  /** `initialize`, `server/discover`, one page of a list, a notification; milliseconds. */
  readonly handshakeMs: number;
  /** A stdio server that has not answered the probe by then is of the legacy era; milliseconds. */
  readonly probeMs: number;
  /** Silence during a call, milliseconds. Progress ends it. */
  readonly idleMs: number;
  /** A whole call, milliseconds, whatever progress it reports. */
  readonly totalMs: number;
  /** One message of an upstream, bytes. */
  readonly messageBytes: number;
  /** Everything received during one call, bytes. */
  readonly callBytes: number;
  /** Messages received during one call. */
  readonly callMessages: number;
  /** One line of a stdio server, bytes. */
  readonly lineBytes: number;
  /** What a stdio server has not yet read, bytes. */
  readonly unreadBytes: number;
  /** Connections to one HTTP upstream for calls; further calls wait. */
  readonly connections: number;
  /** Processes of one stdio upstream: one shared, the others for single agent sessions. */
  readonly processes: number;
  /** Tools, resources, templates and prompts of one upstream together. */
  readonly definitions: number;
  /** Pages of one list. */
  readonly pages: number;
  /** First and longest pause before a stdio server or a stream is started again, milliseconds. */
  readonly backoffMs: readonly [first: number, longest: number];
}

export const DEFAULT_LIMITS: Limits = {
  connectMs: 10_000,
  handshakeMs: 30_000,
  probeMs: 10_000,
  idleMs: 5 * 60_000,
  totalMs: 60 * 60_000,
  messageBytes: 10 * 1024 * 1024,
  callBytes: 64 * 1024 * 1024,
  callMessages: 10_000,
  lineBytes: 1024 * 1024,
  unreadBytes: 16 * 1024 * 1024,
  connections: 128,
  processes: 32,
  definitions: 2_000,
  pages: 200,
  backoffMs: [500, 30_000],
};

/** Deepest nesting of a message that is read at all; what agents may send ends at 64. */
export const MAX_DEPTH = 128;
