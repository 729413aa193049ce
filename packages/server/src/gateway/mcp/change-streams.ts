/**
 * Long-lived streams on which clients hear of changes: the GET stream of a legacy session and
 * `subscriptions/listen`. A change of policy or catalogue is announced to exactly the agents whose own
 * lists it changes; enforcement never depends on it.
 */
import type { ServerResponse } from 'node:http';
import type { AgentId, WorkspaceId } from '../../ids.ts';
import type { ActionPath } from '../../path/index.ts';
import type { Secret } from '../../secret.ts';
import { canTakeMore, eventOf, KEEP_ALIVE_EVENT } from './event-stream.ts';
import type { ChangeKind, Visible } from './visible.ts';

const CHANGE_KINDS: readonly ChangeKind[] = ['tools', 'resources', 'prompts'];
/** Streams whose agents are looked up at once after a change, so that a change with thousands of streams does not crowd out calls. */
const LOOKUPS_AT_ONCE = 16;

export interface ChangeStreamOptions {
  readonly res: ServerResponse;
  readonly workspaceId: WorkspaceId;
  readonly agentId: AgentId;
  readonly token: Secret;
  readonly tokenExpiresAtMs: number;
  readonly namespace: string | undefined;
  readonly digests: Visible['digests'];
  /** The message that announces a change, or undefined when the client did not ask for that kind. */
  readonly announce: (kind: ChangeKind) => string | undefined;
  /** Last message of an orderly end. */
  readonly farewell?: string;
}

/** An open stream whose headers have been sent. */
export class ChangeStream {
  readonly options: ChangeStreamOptions;
  #digests: Visible['digests'];
  #closed = false;
  readonly #onClose = new Set<() => void>();

  constructor(options: ChangeStreamOptions) {
    this.options = options;
    this.#digests = options.digests;
    options.res.on('close', () => this.destroy());
  }

  get open(): boolean {
    return !this.#closed;
  }

  onClose(action: () => void): void {
    this.#onClose.add(action);
  }

  /** Drops the message when the reader is too slow. */
  send(message: string): void {
    if (!this.#closed && canTakeMore(this.options.res)) this.options.res.write(eventOf(message));
  }

  keepAlive(): void {
    if (!this.#closed && canTakeMore(this.options.res)) this.options.res.write(KEEP_ALIVE_EVENT);
  }

  /** Compares what the agent sees now with what it saw last, and announces the difference. */
  update(digests: Visible['digests']): void {
    const before = this.#digests;
    this.#digests = digests;
    for (const kind of CHANGE_KINDS) {
      if (before[kind] === digests[kind]) continue;
      const message = this.options.announce(kind);
      if (message !== undefined) this.send(message);
    }
  }

  /** Orderly: the server is going away, not the agent. */
  finish(): void {
    if (this.#closed) return;
    const { res, farewell } = this.options;
    if (farewell === undefined) res.end();
    else res.end(eventOf(farewell));
    this.#close();
  }

  destroy(): void {
    if (this.#closed) return;
    this.options.res.destroy();
    this.#close();
  }

  #close(): void {
    this.#closed = true;
    for (const action of this.#onClose) action();
    this.#onClose.clear();
  }
}

export interface ChangeStreamsOptions {
  readonly path: ActionPath;
  /** What the holder of a token sees on a route now. */
  readonly visibleTo: (stream: ChangeStream, granted: ReadonlySet<string>) => Promise<Visible>;
  readonly onError: (error: unknown) => void;
}

export class ChangeStreams {
  readonly #options: ChangeStreamsOptions;
  readonly #streams = new Set<ChangeStream>();
  readonly #changed = new Set<WorkspaceId>();
  #updating = false;
  #keptAliveAtMs = 0;

  constructor(options: ChangeStreamsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#streams.size;
  }

  add(stream: ChangeStream): void {
    this.#streams.add(stream);
    stream.onClose(() => this.#streams.delete(stream));
  }

  of(workspaceId: WorkspaceId, agentId: AgentId): readonly ChangeStream[] {
    return [...this.#streams].filter(
      ({ options }) => options.agentId === agentId && options.workspaceId === workspaceId,
    );
  }

  /** Policy or catalogue changed. Changes that come while one is being worked on are worked on together afterwards. */
  changed(workspaceId: WorkspaceId): void {
    this.#changed.add(workspaceId);
    if (this.#updating) return;
    this.#updating = true;
    this.#update()
      .catch(this.#options.onError)
      .finally(() => {
        this.#updating = false;
      });
  }

  /** Ends streams whose token has expired, and sends comments where the last round is `quietMs` ago. */
  tick(nowMs: number, quietMs: number): void {
    const due = nowMs - this.#keptAliveAtMs >= quietMs;
    if (due) this.#keptAliveAtMs = nowMs;
    for (const stream of this.#streams) {
      if (stream.options.tokenExpiresAtMs <= nowMs) stream.destroy();
      else if (due) stream.keepAlive();
    }
  }

  finishAll(): void {
    for (const stream of this.#streams) stream.finish();
  }

  async #update(): Promise<void> {
    for (;;) {
      const [workspaceId] = this.#changed;
      if (workspaceId === undefined) return;
      this.#changed.delete(workspaceId);
      const streams = [...this.#streams].filter((stream) => stream.options.workspaceId === workspaceId);
      for (let at = 0; at < streams.length; at += LOOKUPS_AT_ONCE) {
        await Promise.all(streams.slice(at, at + LOOKUPS_AT_ONCE).map((stream) => this.#updateOne(stream)));
      }
    }
  }

  async #updateOne(stream: ChangeStream): Promise<void> {
    if (!stream.open) return;
    try {
      const attempt = { tool: 'tools/list', willRecord: true, presented: 'again' as const };
      const principal = await this.#options.path.authenticate(stream.options.token.reveal(), attempt);
      if ('kind' in principal) {
        // Unavailable says nothing about the agent; the token is looked at again with the next change.
        if (principal.kind === 'unauthenticated') stream.destroy();
        return;
      }
      const granted = await this.#options.path.granted(principal);
      stream.update((await this.#options.visibleTo(stream, granted)).digests);
    } catch (error) {
      this.#options.onError(error);
    }
  }
}
