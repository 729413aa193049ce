/** Who tries to act and is no agent here: counted in memory on the way, written down beside it. */
import type { KeyObject } from 'node:crypto';
import type { Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';
import type { Logger } from '../observability/index.ts';
import { startRounds } from '../rounds.ts';
import { keepSightings } from './keep.ts';
import { MANY, maskedToken, type Sighting, Sightings } from './sighting.ts';

const KEEP_EVERY_MS = 5_000;

export interface UnregisteredOptions {
  readonly pool: Pool;
  readonly log: ActionLog;
  readonly pepper: KeyObject;
  /** To which unknown credentials are reckoned: they belong to none. */
  readonly workspaceId: WorkspaceId;
  readonly logger: Logger;
  /** Epoch milliseconds. */
  readonly clock: () => number;
}

export interface UnregisteredIdentities {
  /** Counts it. Waits for nothing, throws nothing. */
  noteUnregistered(sighting: Omit<Sighting, 'source'> & { readonly source?: string | undefined }): void;
  /** Of the credential only a fingerprint is kept. */
  noteToken(token: string, source: string | undefined): void;
  /** Writes down what was counted. What could not be is counted on. */
  keep(): Promise<void>;
  close(): Promise<void>;
}

const UNKNOWN_SOURCE = 'unknown';

export function createUnregistered(options: UnregisteredOptions): UnregisteredIdentities {
  const { pepper, workspaceId, logger, clock } = options;
  const sightings = new Sightings();
  const note: UnregisteredIdentities['noteUnregistered'] = ({ source = UNKNOWN_SOURCE, ...sighting }) =>
    sightings.add({ ...sighting, source }, clock());
  const keep = async (): Promise<void> => {
    const failures: unknown[] = [];
    for (const [workspace, lines] of Map.groupBy(sightings.take(), (line) => line.workspaceId))
      await keepSightings(options, workspace, lines).catch((error: unknown) => {
        failures.push(error);
        for (const { firstMs, lastMs, count, ...sighting } of lines) {
          sightings.add(sighting, firstMs, count);
          sightings.add(sighting, lastMs, 0);
        }
      });
    if (failures.length > 0) throw new AggregateError(failures, 'identities that are not registered were not written');
  };
  const rounds = startRounds(KEEP_EVERY_MS, keep, (error) =>
    logger.warn({ err: error }, 'identities that are not registered were not written down'),
  );
  return {
    noteUnregistered: note,
    noteToken: (token, source = UNKNOWN_SOURCE) =>
      note({
        workspaceId,
        kind: 'token',
        // A fingerprint costs more than counting: whoever sends one after the other gets no more of them.
        identity: sightings.hasRoom(source) ? maskedToken(token, pepper) : MANY,
        source,
      }),
    keep,
    close: async () => {
      await rounds.close();
      await keep();
    },
  };
}
