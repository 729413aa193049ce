/** All measures, in the order of the report. */
import { benchAppend } from './append.ts';
import type { Ground } from './company.ts';
import { benchDecision } from './measures/decision.ts';
import { benchGatewayCost } from './measures/gateway-cost.ts';
import { benchGuards } from './measures/guards.ts';
import { benchLatency } from './measures/latency.ts';
import { benchPreview } from './measures/preview.ts';
import { benchReplay } from './measures/replay.ts';
import { benchRevoke } from './measures/revoke.ts';
import { benchScale } from './measures/scale.ts';
import { benchSinks } from './measures/sinks.ts';
import { benchStreams } from './measures/streams.ts';
import { benchWriters } from './measures/writers.ts';
import type { Row } from './rows.ts';
import type { Effort } from './run.ts';
import { benchVerify } from './verify.ts';

export interface Measure {
  /** For `--only`. */
  readonly name: string;
  readonly title: string;
  readonly explanation: string;
  measure(ground: Ground, effort: Effort): Promise<readonly Row[]>;
}

export const MEASURES: readonly Measure[] = [
  {
    name: 'decision',
    title: 'A decision alone',
    explanation:
      '100 roles, 1,000 capabilities, 300 guards (200 of roles, 100 of the workspace; a quarter of them windows), 10,000 agents of two roles each. The baseline is the same rules as closures in maps, without trace, reasons or hash; both give the same verdicts. Times of single decisions include the two readings of the clock.',
    measure: benchDecision,
  },
  {
    name: 'cost',
    title: 'CPU of a call, commit excluded',
    explanation:
      '`tools/call` with 200 bytes to echo, 32 connections, user and system time of the process. On in the gateway: authentication, policy, pinned schema, strict parse, redaction, records of intent and outcome, hash chain, metrics. The statement that would store a block is answered at once instead. The raw echo parses and answers the same call by itself; the SDK proxy and the npm peers govern nothing. The peers take stdio servers, whose own CPU is not counted. The steps are a sampled profile of the gateway, scaled to its CPU; they are of elapsed time, so that on a busy machine writing to sockets looks dearer than it is.',
    measure: benchGatewayCost,
  },
  {
    name: 'latency',
    title: 'Latency of a call, all included',
    explanation:
      'The same call to the upstream direct and through the gateway, whose database, upstream and load share the cores. Added is the difference of the medians, and of the 99th percentiles. With all connections busy the machine is saturated, and latency is connections by throughput. The steps are means of the server’s own histograms over all of these windows.',
    measure: benchLatency,
  },
  {
    name: 'guards',
    title: 'What guards add to a call',
    explanation:
      'Agents of one gateway whose roles have one guard each, or none: `tools/call` of 200 bytes, 16 connections, all included, commits too.',
    measure: benchGuards,
  },
  {
    name: 'append',
    title: 'Durable records',
    explanation:
      'The log’s writer, each caller waiting for its record, beside a plain insert of block rows that hold the same bytes and are committed in groups the same way. Every commit is synced to the disk.',
    measure: benchAppend,
  },
  {
    name: 'writers',
    title: 'Several nodes, one database',
    explanation:
      'Each writer is a process with a shard of its own and agents of its own, in one workspace. What the sessions of the writers wait for is looked at every 10 ms; waiting for the disk includes waiting for another session that writes the same part of it.',
    measure: benchWriters,
  },
  {
    name: 'verify',
    title: 'Verifying an export',
    explanation: 'An export of 200,000 entries, checked as `hivekey verify` does, beside SHA-256 of the same file.',
    measure: benchVerify,
  },
  {
    name: 'replay',
    title: 'Replay of a policy',
    explanation:
      'An export of 100,000 entries of 200 agents within one day, a sum for each agent and a count for the workspace, verified and replayed as `hivekey policy replay --log` does. The run fails unless every verdict is the recorded one.',
    measure: benchReplay,
  },
  {
    name: 'preview',
    title: 'Replay for the preview of a change',
    explanation:
      'A log of 29 days and 200 agents in the blocks of a database, replayed in the thread that a preview of a change uses, under the policy in force and under the changed one at once. Memory is that of a process that does nothing else, looked at every 20 ms. The thread gives way to everything else on the machine. The baseline reads and parses the same entries in the same way and decides nothing. One run of each.',
    measure: benchPreview,
  },
  {
    name: 'scale',
    title: 'Size of a company',
    explanation:
      'The server as `npm start` runs it, on its embedded database; memory is that of the server process, without PostgreSQL.',
    measure: benchScale,
  },
  {
    name: 'streams',
    title: 'Streams of agents',
    explanation:
      'Resident memory of the server by idle streams, rubbish collected before and after, socket buffers of the kernel not counted.',
    measure: benchStreams,
  },
  {
    name: 'revoke',
    title: 'From a revoke to the last effect',
    explanation:
      'Three gateways on one database; an agent calls through all of them from 24 callers, 20 ms between two calls of each, when its revoke is ordered at the first, with another agent’s traffic beside it. An effect is a call that reached the upstream and whose caller was answered. Callers, upstream and clock are in one process. p99 is over the revokes.',
    measure: benchRevoke,
  },
  {
    name: 'sinks',
    title: 'To the receivers of a SIEM',
    explanation:
      'The newest entries of the log of one gateway, and then what comes from 500 calls a second, each with its result, to one sink after the other. Receivers are local. rsyslog, nats-server and the mock cluster of librdkafka are real; the others keep to the protocols of theirs. They, the load, the gateway and its database share the cores. Events a second are from the order of the sink to the last arrival; lag is from the time of a record to its arrival. The baselines are the mapping to what is sent, in one thread of another process and sent to nobody, and the sealing of the same entries as a listener of the database hears of it. Objects of S3 hold a second of the log here, by themselves up to five minutes. The run fails unless each entry has arrived.',
    measure: benchSinks,
  },
];
