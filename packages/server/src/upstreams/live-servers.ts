/** The connections of this node: one for each server in use, replaced when its settings change. */
import { join } from 'node:path';
import type { JsonObject } from '@hivekey/policy';
import type { ServerId, WorkspaceId } from '../ids.ts';
import type { Secret } from '../secret.ts';
import type { AllowList, ResolveName } from './address-guard.ts';
import { upstreamServerOf } from './catalogue.ts';
import type { Limits } from './limits.ts';
import { LiveServer } from './live-server.ts';
import type { SecretStore } from './secrets.ts';
import type { StoredServer } from './servers.ts';
import type { UpstreamServer } from './types.ts';

type UnsolicitedListener = (server: UpstreamServer, message: JsonObject) => void;

export interface LiveServersOptions {
  readonly limits: Limits;
  readonly allow: AllowList;
  readonly resolve: ResolveName | undefined;
  readonly secrets: Pick<SecretStore, 'resolve'>;
  readonly version: string;
  /** Data folder; working folders of stdio servers are made in its `upstreams`. */
  readonly folder: string;
  /** The server's lists changed, or what is known of it seems to be out of date. */
  outdated(server: StoredServer): void;
  /** The authorization server refused our client, or (undefined) takes it. */
  credentialOutcome(server: StoredServer, problem: string | undefined): void;
  /** What a stdio server writes on standard error. */
  onDiagnostic(server: StoredServer, line: string): void;
}

interface Held {
  readonly live: LiveServer;
  stored: StoredServer;
  /** What its first process was started with. */
  credential: Secret | undefined;
}

export class LiveServers {
  readonly #options: LiveServersOptions;
  readonly #held = new Map<ServerId, Held>();
  readonly #listeners = new Map<string, Set<UnsolicitedListener>>();
  readonly #ending = new Set<Promise<void>>();
  #closed = false;

  constructor(options: LiveServersOptions) {
    this.#options = options;
  }

  /** Opened on first use. A caller with older settings gets the connection of the newer ones. */
  of(stored: StoredServer): LiveServer | undefined {
    if (this.#closed) return undefined;
    const held = this.#held.get(stored.id);
    if (held !== undefined && held.live.revision >= stored.revision) {
      if (held.live.revision === stored.revision) held.stored = stored;
      return held.live;
    }
    if (held !== undefined) this.#end(held.live.retire());
    return this.#open(stored);
  }

  #open(stored: StoredServer): LiveServer {
    const { limits, allow, resolve, secrets, version, folder } = this.#options;
    const { id, workspaceId, settings } = stored;
    const live = new LiveServer(stored.revision, {
      settings,
      limits,
      version,
      rules: { allow, allowPrivate: settings.allowPrivate, ...(resolve === undefined ? {} : { resolve }) },
      folder: join(folder, 'upstreams', id),
      credential: async () => {
        if (settings.credentialRef === undefined) return undefined;
        const secret = await secrets.resolve(workspaceId, settings.credentialRef);
        held.credential ??= secret;
        return secret;
      },
      events: {
        unsolicited: (affinity, message) => this.#unsolicited(id, affinity, message),
        outdated: () => this.#options.outdated(stored),
        credentialOutcome: (problem) => this.#options.credentialOutcome(stored, problem),
      },
      onDiagnostic: (line) => this.#options.onDiagnostic(stored, line),
    });
    const held: Held = { live, stored, credential: undefined };
    this.#held.set(id, held);
    for (const affinity of this.#listeners.keys()) live.attend(affinity);
    return live;
  }

  /** Asks the server what it is with this credential, on a connection of its own. Rejects with Undescribed. */
  async tryOut(stored: StoredServer, credential: Secret): Promise<void> {
    const { limits, allow, resolve, version, folder } = this.#options;
    const { id, settings } = stored;
    const { connection } = new LiveServer(stored.revision, {
      settings,
      limits,
      version,
      rules: { allow, allowPrivate: settings.allowPrivate, ...(resolve === undefined ? {} : { resolve }) },
      folder: join(folder, 'upstreams', id),
      credential: () => Promise.resolve(credential),
      events: { unsolicited: () => undefined, outdated: () => undefined, credentialOutcome: () => undefined },
      onDiagnostic: (line) => this.#options.onDiagnostic(stored, line),
    });
    try {
      await connection.describe(AbortSignal.timeout(limits.handshakeMs));
    } finally {
      await connection.close();
    }
  }

  #unsolicited(id: ServerId, affinity: string, message: JsonObject): void {
    const stored = this.#held.get(id)?.stored;
    const server = stored && upstreamServerOf(stored);
    if (server === undefined) return;
    for (const listener of this.#listeners.get(affinity) ?? []) listener(server, message);
  }

  existing(id: ServerId): LiveServer | undefined {
    return this.#held.get(id)?.live;
  }

  onUnsolicited(affinity: string, listener: UnsolicitedListener): () => void {
    const listeners = this.#listeners.get(affinity) ?? new Set();
    listeners.add(listener);
    this.#listeners.set(affinity, listeners);
    for (const { live } of this.#held.values()) live.attend(affinity);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(affinity) === listeners) this.#listeners.delete(affinity);
    };
  }

  async endAffinity(affinity: string): Promise<void> {
    await Promise.all([...this.#held.values()].map(({ live }) => live.endAffinity(affinity)));
  }

  /** The server was disabled: what is in flight breaks. */
  drop(id: ServerId): void {
    const held = this.#held.get(id);
    this.#held.delete(id);
    if (held !== undefined) this.#end(held.live.close());
  }

  /** The credential changed: what runs with the old one ends after its calls. Gives the servers that had a connection. */
  retireUsing(workspaceId: WorkspaceId | undefined, secretName: string | undefined): readonly StoredServer[] {
    const using = [...this.#held.values()].filter(
      ({
        stored: {
          workspaceId: of,
          settings: { credentialRef },
        },
      }) => {
        if (credentialRef === undefined || (workspaceId !== undefined && of !== workspaceId)) return false;
        return secretName === undefined || credentialRef === `vault://${secretName}`;
      },
    );
    for (const { live, stored } of using) {
      this.#held.delete(stored.id);
      this.#end(live.retire());
    }
    return using.map(({ stored }) => stored);
  }

  /**
   * A process keeps the credential that it was started with: where that is kept outside and has changed there, it ends
   * after its calls. Gives the servers that were retired. One that cannot be read now changes nothing.
   */
  async retireOutdated(): Promise<readonly StoredServer[]> {
    const { secrets } = this.#options;
    const retired: StoredServer[] = [];
    for (const { live, stored, credential } of [...this.#held.values()]) {
      const { transport, credentialRef } = stored.settings;
      if (transport !== 'stdio' || credentialRef === undefined || credential === undefined) continue;
      const now = await secrets.resolve(stored.workspaceId, credentialRef).catch(() => undefined);
      if (now === undefined || now.reveal() === credential.reveal() || this.#held.get(stored.id)?.live !== live)
        continue;
      this.#held.delete(stored.id);
      this.#end(live.retire());
      retired.push(stored);
    }
    return retired;
  }

  forgetTokens(workspaceId: WorkspaceId): void {
    for (const { live, stored } of this.#held.values())
      if (stored.workspaceId === workspaceId) live.connection.forgetTokens();
  }

  #end(ending: Promise<void>): void {
    this.#ending.add(ending);
    ending.catch(() => undefined).finally(() => this.#ending.delete(ending));
  }

  /** Breaks what is still open; resolves when processes are gone. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { live } of this.#held.values()) this.#end(live.close());
    this.#held.clear();
    await Promise.allSettled([...this.#ending]);
  }
}
