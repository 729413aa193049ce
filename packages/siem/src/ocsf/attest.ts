/**
 * The chain of OCSF 1.9.0 (profile `record_integrity`): each event of a stream carries the fingerprint of itself, over
 * its RFC 8785 form without `fingerprint`, and names the event before it with its fingerprint. It is a chain over
 * mapped events of one stream; the log's own hashes are another thing and never stand here.
 */
import { hash } from 'node:crypto';
import { canonicalJson } from '@hivekey/action-log';
import type { OcsfEvent } from './event.ts';
import type { Json } from './parts.ts';

/** An event of a stream as the next one names it: saved with the cursor. */
export interface ChainLink {
  /** `event_id`, or the id of the checkpoint. */
  readonly uid: string;
  readonly typeUid: number;
  /** 64 hex digits. */
  readonly fingerprint: string;
}

export interface EventChain {
  /** The same for all events of a stream; a replay has another. */
  readonly uid: string;
  /** Null before the first event. */
  readonly previous: ChainLink | null;
}

const AUTHORITY = 'hivekey-log';

export function attest(
  event: OcsfEvent,
  uid: string,
  { uid: chainUid, previous }: EventChain,
): { event: Json; link: ChainLink } {
  const attestation = {
    uid,
    authority_uid: AUTHORITY,
    chain_uid: chainUid,
    ...(previous === null
      ? {}
      : {
          prev_event: {
            uid: previous.uid,
            type_uid: previous.typeUid,
            fingerprint: { algorithm_id: 3, algorithm: 'SHA-256', value: previous.fingerprint },
          },
        }),
  };
  const fingerprint = hash('sha256', canonicalJson({ ...event, attestation_list: [attestation] }));
  return {
    event: { ...event, attestation_list: [{ ...attestation, fingerprint: fingerprintOf(fingerprint) }] },
    link: { uid, typeUid: event.type_uid, fingerprint },
  };
}

function fingerprintOf(value: string): Json {
  return {
    algorithm_id: 3,
    algorithm: 'SHA-256',
    value,
    encoding_id: 1,
    encoding: 'Hex',
    serialization_id: 2,
    serialization: 'JCS',
  };
}
