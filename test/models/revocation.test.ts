/**
 * A stop beside calls of the stopped agent, on two nodes: in every interleaving, nothing begins at an upstream once the
 * stop has been answered, and nothing is recorded as allowed behind it. The register of calls, the comparison in the
 * recording transaction and the check before the first byte are the server's own; database, time and messages are
 * modelled. Without any one of the locks and checks the explorer finds the schedule in which it goes wrong.
 */
import { describe, expect, it } from 'vitest';
import type { AgentId, EventId, WorkspaceId } from '../../packages/server/src/ids.ts';
import { staleness } from '../../packages/server/src/log/staleness.ts';
import { type Call, CallsInFlight } from '../../packages/server/src/path/calls-in-flight.ts';
import { mayBegin } from '../../packages/server/src/path/lease.ts';
import { PERMIT_LEASE_MS } from '../../packages/server/src/permit-lease.ts';
import { explore, type Process, type World } from './explore.ts';

/** What the design stands on; a mutant leaves one of them out. */
const WHOLE = {
  /** The recording transaction locks the agent's row from its comparison to its commit. */
  agentLock: true,
  /** So does the stop. */
  stopLock: true,
  /** It compares the revision with that of the decision. */
  comparesRevision: true,
  /** A call is in the register before its record is begun. */
  entersBeforeRecord: true,
  /** The stop aborts what the register holds, before it goes on. */
  abortsHere: true,
  /** The signal is looked at in the tick of the first byte. */
  looksAtSignal: true,
  /** The stop waits for the word of the other node or, without it, until permits have run out, … */
  waitsForLease: true,
  /** … which is looked at in the tick of the first byte. */
  looksAtLease: true,
  /** A node says so after it has aborted, not before. */
  abortsBeforeWord: true,
};
type Design = typeof WHOLE;

const WORKSPACE = 'wsp_1' as WorkspaceId;
const AGENT = 'agt_1' as AgentId;
/** One tick of the modelled clock is the length of a lease; two are enough to run out. */
const TICK_MS = PERMIT_LEASE_MS;
const LAST_TICK = 2;

interface Row {
  status: 'active' | 'revoked';
  revision: number;
}

class Model implements World {
  readonly processes: readonly Process[];
  readonly design: Design;
  readonly nodes = [new CallsInFlight(), new CallsInFlight()];
  row: Row = { status: 'active', revision: 1 };
  lockedBy: string | undefined;
  tick = 0;
  stoppedAtTick: number | undefined;
  /** On its way to the other node; and its word that it has heard. */
  notice: 'none' | 'sent' | 'word' = 'none';
  answered = false;
  readonly log: string[] = [];
  readonly faults: string[] = [];

  constructor(design: Design, callsOn: readonly number[], isHeard: boolean) {
    this.design = design;
    this.processes = [
      ...callsOn.map((node, i) => new Caller(this, `call ${i} on ${node}`, node)),
      new Stopper(this),
      ...(isHeard ? [new Listener(this)] : []),
      new Clock(this),
    ];
  }

  get nowMs(): number {
    return this.tick * TICK_MS;
  }

  fingerprint(): string {
    const { row, lockedBy, tick, stoppedAtTick, notice, answered, log } = this;
    const parts = this.processes.map((process) => `${process}`);
    return JSON.stringify([row, lockedBy, tick, stoppedAtTick, notice, answered, log, parts]);
  }

  violation(): string | undefined {
    return this.faults[0];
  }

  /** All that matches is aborted in one tick. */
  abort(node: number): void {
    void this.nodes[node]?.stop(WORKSPACE, { kind: 'agents', agentIds: new Set([AGENT]) }, 0);
  }
}

/** authenticate ▸ enter ▸ lock and compare ▸ commit ▸ begin, each an atomic step of its node or of the database. */
class Caller implements Process {
  readonly name: string;
  readonly #model: Model;
  readonly #node: number;
  #at: 'authenticate' | 'enter' | 'lock' | 'commit' | 'late enter' | 'begin' | 'done' = 'authenticate';
  #seen: Row = { status: 'active', revision: 1 };
  #rounds = 0;
  #call: Call | undefined;
  #beginByMs = 0;
  result = '';

  constructor(model: Model, name: string, node: number) {
    this.#model = model;
    this.name = name;
    this.#node = node;
  }

  get isDone(): boolean {
    return this.#at === 'done';
  }

  canStep(): boolean {
    const { design, lockedBy } = this.#model;
    // without the lock nobody waits, and the stop does not meet the record
    return this.#at !== 'lock' || !design.agentLock || lockedBy === undefined;
  }

  step(): void {
    const model = this.#model;
    const { design, row } = model;
    switch (this.#at) {
      case 'authenticate':
        // the first time from a cache that has not heard of anything; then from the database
        if (this.#rounds > 0) this.#seen = { ...row };
        if (this.#seen.status !== 'active') {
          this.#end('refused');
          return;
        }
        this.#at = design.entersBeforeRecord ? 'enter' : 'lock';
        if (!design.entersBeforeRecord) this.#startLease();
        return;
      case 'enter':
        this.#enter();
        this.#startLease();
        this.#at = 'lock';
        return;
      case 'lock':
        if (this.#isStale()) {
          this.#leave();
          this.#rounds += 1;
          if (this.#rounds > 2) this.#end('overloaded');
          else this.#at = 'authenticate';
          return;
        }
        if (design.agentLock) model.lockedBy = this.name;
        this.#at = 'commit';
        return;
      case 'commit':
        if (model.stoppedAtTick !== undefined) model.faults.push('recorded as allowed behind the stop');
        model.log.push('allow');
        if (model.lockedBy === this.name) model.lockedBy = undefined;
        this.#at = design.entersBeforeRecord ? 'begin' : 'late enter';
        return;
      case 'late enter':
        this.#enter();
        this.#at = 'begin';
        return;
      case 'begin': {
        const signal = this.#call?.stop ?? AbortSignal.abort();
        const permit = {
          signal: design.looksAtSignal ? signal : new AbortController().signal,
          ...(design.looksAtLease ? { beginByMs: this.#beginByMs } : {}),
        };
        const begins = mayBegin(permit, model.nowMs);
        if (begins && model.answered) model.faults.push('begun after the stop was answered');
        this.#leave();
        this.#end(begins ? 'begun' : 'not attempted');
        return;
      }
      case 'done':
        return;
    }
  }

  #isStale(): boolean {
    const { row, design } = this.#model;
    const revision = design.comparesRevision ? row.revision : this.#seen.revision;
    const status = design.comparesRevision ? row.status : 'active';
    const agents = new Map([[AGENT, { agent_id: AGENT, status, revision, agent_seq: 0 }]]);
    const workspace = { status: 'active' as const, policy_revision: 1 };
    const principal = { agentId: AGENT, agentRevision: this.#seen.revision, tokenExpiresAtMs: Number.MAX_VALUE };
    return staleness({ principal, evaluation: { policyRevision: 1 } }, workspace, agents, 0) !== undefined;
  }

  #enter(): void {
    this.#call = this.#model.nodes[this.#node]?.enter(WORKSPACE, AGENT, 'agent', 'tool.act');
    if (this.#call !== undefined) this.#call.eventId = 'evt_1' as EventId;
  }

  #startLease(): void {
    this.#beginByMs = this.#model.nowMs + PERMIT_LEASE_MS;
  }

  #leave(): void {
    if (this.#call !== undefined) this.#model.nodes[this.#node]?.leave(this.#call, undefined);
    this.#call = undefined;
  }

  #end(result: string): void {
    this.result = result;
    this.#at = 'done';
  }

  toString(): string {
    const aborted = this.#call?.stop.aborted;
    return JSON.stringify([this.#at, this.#seen, this.#rounds, aborted, this.#beginByMs, this.result]);
  }
}

/** lock and change ▸ commit ▸ abort here ▸ word of the others, or their leases ▸ answer. On node 0. */
class Stopper implements Process {
  readonly name = 'stop';
  readonly #model: Model;
  #at: 'lock' | 'commit' | 'abort' | 'wait' | 'done' = 'lock';

  constructor(model: Model) {
    this.#model = model;
  }

  get isDone(): boolean {
    return this.#at === 'done';
  }

  canStep(): boolean {
    const { lockedBy, design, notice, tick, stoppedAtTick = 0 } = this.#model;
    if (this.#at === 'lock') return !design.stopLock || lockedBy === undefined;
    if (this.#at !== 'wait') return true;
    return notice === 'word' || !design.waitsForLease || tick > stoppedAtTick;
  }

  step(): void {
    const model = this.#model;
    switch (this.#at) {
      case 'lock':
        if (model.design.stopLock) model.lockedBy = 'stop';
        this.#at = 'commit';
        return;
      case 'commit':
        model.row = { status: 'revoked', revision: model.row.revision + 1 };
        if (model.lockedBy === 'stop') model.lockedBy = undefined;
        model.stoppedAtTick = model.tick;
        model.notice = 'sent';
        this.#at = 'abort';
        return;
      case 'abort':
        if (model.design.abortsHere) model.abort(0);
        this.#at = 'wait';
        return;
      case 'wait':
        model.answered = true;
        this.#at = 'done';
        return;
      case 'done':
        return;
    }
  }

  toString(): string {
    return this.#at;
  }
}

/** The other node hears of the stop. A node that is stalled does so at any later time, or never. */
class Listener implements Process {
  readonly name = 'node 1 hears';
  readonly #model: Model;
  #hasAborted = false;

  constructor(model: Model) {
    this.#model = model;
  }

  get isDone(): boolean {
    return this.#model.notice === 'word' && this.#hasAborted;
  }

  canStep(): boolean {
    return this.#model.notice !== 'none';
  }

  step(): void {
    const model = this.#model;
    const aborts = model.notice === 'word' || (model.design.abortsBeforeWord && !this.#hasAborted);
    if (aborts) {
      model.abort(1);
      this.#hasAborted = true;
    } else model.notice = 'word';
  }

  toString(): string {
    return String(this.#hasAborted);
  }
}

class Clock implements Process {
  readonly name = 'time passes';
  readonly #model: Model;

  constructor(model: Model) {
    this.#model = model;
  }

  get isDone(): boolean {
    return this.#model.tick === LAST_TICK;
  }

  canStep(): boolean {
    return true;
  }

  step(): void {
    this.#model.tick += 1;
  }

  toString(): string {
    return '';
  }
}

function run(design: Design, callsOn: readonly number[], isHeard = true) {
  return explore(
    () => new Model(design, callsOn, isHeard),
    (world) => world.processes.flatMap((process) => (process instanceof Caller ? [process.result] : [])).join(', '),
  );
}

describe('a stop beside calls, in every interleaving', () => {
  it.each([
    ['two calls on the node of the stop', [0, 0], true],
    ['two calls on the other node', [1, 1], true],
    ['a call on each node', [0, 1], true],
    ['calls on a node that never hears of it', [1, 1], false],
  ])('begins nothing after its answer: %s', (_, callsOn, isHeard) => {
    const { violation, states, outcomes } = run(WHOLE, callsOn, isHeard);
    expect(violation).toBeUndefined();
    expect(states).toBeGreaterThan(100);
    // the model is not vacuous: calls before it run, calls behind it are refused, calls between are not attempted
    const all = [...outcomes].join(', ');
    for (const result of ['begun', 'refused', 'not attempted']) expect(all).toContain(result);
  });

  it.each<[keyof Design, readonly number[]]>([
    ['agentLock', [0]],
    ['stopLock', [0]],
    ['comparesRevision', [0]],
    ['entersBeforeRecord', [0]],
    ['abortsHere', [0]],
    ['looksAtSignal', [0]],
    ['waitsForLease', [1]],
    ['looksAtLease', [1]],
    ['abortsBeforeWord', [1]],
  ])('goes wrong without %s', (part, callsOn) => {
    const { violation } = run({ ...WHOLE, [part]: false }, callsOn);
    expect(violation?.what).toMatch(/behind the stop|after the stop/);
    // and the schedule says how
    expect(violation?.schedule.length).toBeGreaterThan(4);
  });
});
