/**
 * What the shipper knows of a kind of receiver. The folder of a kind exports one `SinkType` from its `index.ts`, made
 * with `sinkType`; what a receiver is reached with is imported inside `connect`, so that a client loads only where a
 * sink of its kind exists. A new kind is one line in `registry.ts`.
 */
import type { Format } from '@hivekey/siem';
import { z } from 'zod';
import type { WorkspaceId } from '../ids.ts';
import type { Logger } from '../observability/index.ts';
import type { Secret } from '../secret.ts';
import type { AddressRules } from '../upstreams/index.ts';
import type { BatchLimits, Transport } from './transport.ts';

/** A member of the settings that names a credential. Its name ends with `_ref`. */
export const credentialRef = z.string().min(1).max(512).meta({
  description: 'vault://<name>, env://<VARIABLE>, file://<path>, hashicorp://… or aws-sm://…',
});

/** The sink that a transport is of. */
export interface SinkIdentity {
  readonly id: string;
  readonly name: string;
  readonly workspaceId: WorkspaceId;
  /** Name and environment of the workspace, as they stand on records. */
  readonly workspace: string;
  readonly env: string;
  readonly format: Format;
  /** Of a replay: events go out marked, with an own transport beside that of the stream. */
  readonly replay: boolean;
}

export interface TransportDeps {
  readonly sink: SinkIdentity;
  /** Throws a Failure without the value in its text. The same value while nothing changed: ask again at each connection. */
  readonly secret: (ref: string) => Promise<Secret>;
  /** Which addresses may be reached: `parseTarget` and `Poster` of delivery/, `guardedLookup` of upstreams/. */
  readonly rules: AddressRules;
  /** Folder below which files may be written, absolute; undefined: the operator allows none. */
  readonly filesFolder: string | undefined;
  /** Value of `User-Agent`. */
  readonly userAgent: string;
  readonly logger: Logger;
  /** Epoch milliseconds. */
  readonly clock: () => number;
}

export interface SinkTypeDefinition<Settings extends object> {
  /** In words: `Splunk HTTP Event Collector`. */
  readonly label: string;
  /** A strict object; credentials are references (`credentialRef`) in members whose names end with `_ref`. */
  readonly settings: z.ZodType<Settings>;
  /** What it can be sent; the first one where nothing is said. */
  readonly formats: readonly [Format, ...Format[]];
  /** Whether the exact record travels inside, where nothing is said; and whether the short form goes out. */
  readonly raw: boolean;
  readonly compact: boolean;
  /** The strongest that its receivers say of an event: that it is stored, or only that it was taken. */
  readonly acknowledgement: 'stored' | 'received';
  /** Where nothing is said. What a sink sets is at most this, but for `ageMs`. */
  readonly limits: BatchLimits;
  /** Longest event of a sink with such settings, where they have a say in it; else that of `limits`. */
  readonly eventBytes?: (settings: Settings) => number;
  /** Within how many seconds an event is to be settled, where nothing is said. */
  readonly objectiveSeconds: number;
  /** The range of a batch is kept before it is sent, so that after a crash the same batch is sent. Takes `window` 1. */
  readonly fixedBatches: boolean;
  /** Where it goes, to be read by people and kept in records: without credentials and without a query. */
  readonly destination: (settings: Settings) => string;
  /**
   * Throws a Failure where settings, address or credentials cannot be used (the sink then waits for a person). It says
   * nothing to the receiver yet: that is for `send`, which does not throw.
   */
  readonly connect: (settings: Settings, deps: TransportDeps) => Promise<Transport>;
}

/** Settings of a sink with what can be done with them. */
export interface OpenSettings {
  /** As they are stored. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly destination: string;
  readonly credentials: readonly string[];
  connect(deps: TransportDeps): Promise<Transport>;
}

export interface SinkType
  extends Omit<SinkTypeDefinition<object>, 'settings' | 'eventBytes' | 'destination' | 'connect'> {
  readonly settings: z.ZodType<object>;
  /** Longest event of a sink with these settings. Throws a ZodError. */
  eventBytes(settings: unknown): number;
  /** Throws a ZodError. */
  open(settings: unknown): OpenSettings;
}

export function sinkType<Settings extends object>(definition: SinkTypeDefinition<Settings>): SinkType {
  const { destination, connect, eventBytes, ...type } = definition;
  return {
    ...type,
    eventBytes: (given) => eventBytes?.(type.settings.parse(given)) ?? type.limits.eventBytes,
    open: (given) => {
      const settings = type.settings.parse(given);
      const stored: Record<string, unknown> = Object.fromEntries(Object.entries(settings));
      return {
        settings: stored,
        destination: destination(settings),
        credentials: credentialsOf(stored),
        connect: (deps) => connect(settings, deps),
      };
    },
  };
}

function credentialsOf(settings: object): readonly string[] {
  return Object.entries(settings).flatMap(([name, value]: [string, unknown]) => {
    if (typeof value === 'string') return name.endsWith('_ref') ? [value] : [];
    if (Array.isArray(value) && name.endsWith('_refs'))
      return value.filter((each): each is string => typeof each === 'string');
    return typeof value === 'object' && value !== null ? credentialsOf(value) : [];
  });
}
