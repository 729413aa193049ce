/** Settings of the MCP entrance, with their defaults and the reasons for them. */
import type { KeyObject } from 'node:crypto';

export interface McpEntranceConfig {
  /** Authenticates cursors and request states that clients carry; the same on all nodes. */
  readonly stateKey: KeyObject;
  /** Shown to clients as `serverInfo.version`. */
  readonly version: string;
  /** Origin of the console, where people decide about held calls; without it no link is told. */
  readonly url?: string;
  /** Clients that open links (`elicitation.url`) are given one to where people decide, once for each held call. Right where an agent's operator is who approves. */
  readonly approvalPointers?: boolean;
  /** Host names that may stand in Host and Origin, beside localhost, 127.0.0.1 and [::1]; without a port, any port is meant. */
  readonly allowedHosts?: readonly string[];
  /** Hosts to which an upstream may send a person by URL elicitation; none by default. */
  readonly elicitationHosts?: readonly string[];
  /** Largest request body, bytes. */
  readonly maxBodyBytes?: number;
  /** Requests of one agent being answered at once; beyond it 429. */
  readonly maxConcurrentPerAgent?: number;
  /** Requests of one agent in a minute; beyond it 429. Bursts of a sixth of it pass. */
  readonly requestsPerMinute?: number;
  /** Legacy sessions of one agent; beyond it the longest unused one ends. */
  readonly maxSessionsPerAgent?: number;
  /** Open GET and listen streams of one agent; beyond it 429. */
  readonly maxStreamsPerAgent?: number;
  /** A legacy session without a stream ends after this long without a request. */
  readonly sessionIdleMs?: number;
  /** Items on one page of a list. */
  readonly pageSize?: number;
  /** Comment lines keep streams open through proxies; also how long a call may be silent before its answer becomes a stream. */
  readonly keepAliveMs?: number;
  /** How long a person or model may take to answer an upstream's request. */
  readonly clientAnswerMs?: number;
  /** How long a call may wait for people before its client is told to come back; most clients give up after 60 s. */
  readonly holdMs?: number;
  /** The same for a client of an earlier revision that is sent progress meanwhile; measured clients give up after 300 s. */
  readonly holdWithProgressMs?: number;
  /** Epoch milliseconds. */
  readonly clock?: () => number;
}

export type Settings = Required<Omit<McpEntranceConfig, 'url'>> & Pick<McpEntranceConfig, 'url'>;

export function settingsOf(config: McpEntranceConfig): Settings {
  return {
    approvalPointers: false,
    allowedHosts: [],
    elicitationHosts: [],
    maxBodyBytes: 1024 * 1024,
    maxConcurrentPerAgent: 256,
    requestsPerMinute: 60_000,
    maxSessionsPerAgent: 256,
    // One measured idle stream costs about 34 KB.
    maxStreamsPerAgent: 4096,
    sessionIdleMs: 60 * 60 * 1000,
    // Many clients read only the first page.
    pageSize: 1000,
    // Common proxies cut silent connections after 30 to 60 s.
    keepAliveMs: 15_000,
    clientAnswerMs: 10 * 60 * 1000,
    holdMs: 50_000,
    holdWithProgressMs: 280_000,
    clock: Date.now,
    ...config,
  };
}
