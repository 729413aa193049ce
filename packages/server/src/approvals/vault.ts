/** Requests, views and results at rest: in the envelope of upstream credentials, bound to their approval. */
import type { KeyObject } from 'node:crypto';
import { canonicalJson, parseJson } from '@hivekey/action-log';
import type { JsonObject } from '@hivekey/policy';
import type { WorkspaceId } from '../ids.ts';
import { type Envelope, openEnvelope, sealEnvelope } from '../upstreams/index.ts';

/** `held`: what is carried out, and what deciders are shown. `result`: what repeats collect. */
type Part = 'held' | 'result';

export class Vault {
  readonly #key: KeyObject;

  /** `key`: 32 bytes, wraps the data keys. */
  constructor(key: KeyObject) {
    this.#key = key;
  }

  seal(workspaceId: WorkspaceId, approvalId: string, part: Part, value: JsonObject): Envelope {
    return sealEnvelope(this.#key, contextOf(workspaceId, approvalId, part), canonicalJson(value));
  }

  /** Throws EnvelopeBroken unless it was sealed for this approval and part. */
  open(workspaceId: WorkspaceId, approvalId: string, part: Part, envelope: Envelope): JsonObject {
    return parseJson(openEnvelope(this.#key, contextOf(workspaceId, approvalId, part), envelope));
  }
}

/** No secret can have such a name: theirs have no slash. */
function contextOf(workspaceId: WorkspaceId, approvalId: string, part: Part) {
  return { workspaceId, name: `approval/${approvalId}/${part}`, version: 1 };
}
