/**
 * The records of the action log and the shapes that travel with them.
 * A record is hashed in its RFC 8785 form; `seq` and the hashes stand outside it.
 */

export type RecordKind =
  | 'tool.call'
  | 'tool.result'
  | 'agent.requested'
  | 'agent.admitted'
  | 'agent.refused'
  | 'agent.created'
  | 'agent.changed'
  | 'agent.versioned'
  | 'agent.expiring'
  | 'agent.expired'
  | 'agent.dormant'
  | 'agent.woke'
  | 'identity.unregistered'
  | 'identity.dismissed'
  | 'agent.revoked'
  | 'agent.restored'
  | 'token.minted'
  | 'token.rotated'
  | 'token.revoked'
  | 'token.issued'
  | 'token.refused'
  | 'token.ended'
  | 'credential.added'
  | 'credential.revoked'
  | 'connection.allowed'
  | 'connection.refused'
  | 'oauth_client.changed'
  | 'workload_issuer.changed'
  | 'key.created'
  | 'key.revoked'
  | 'role.changed'
  | 'policy.changed'
  | 'policy_test.changed'
  | 'object.versioned'
  | 'versions.adopted'
  | 'drift.found'
  | 'drift.resolved'
  | 'drift.checked'
  | 'drift.restored'
  | 'policy_code.applied'
  | 'capability.changed'
  | 'server.changed'
  | 'secret.changed'
  | 'tool.changed'
  | 'sources.changed'
  | 'risk.raised'
  | 'risk.cleared'
  | 'risk.transmitter'
  | 'freeze.changed'
  | 'freeze.override'
  | 'approval.requested'
  | 'approval.decided'
  | 'approval.refused'
  | 'approval.reminded'
  | 'approval.escalated'
  | 'approval.granted'
  | 'approval.released'
  | 'approval.finished'
  | 'approval.stopped'
  | 'approval.expired'
  | 'approval.cancelled'
  | 'delegation.created'
  | 'delegation.ended'
  | 'containment.ordered'
  | 'containment.lifted'
  | 'containment.proposal'
  | 'containment.settings'
  | 'rehearsal.started'
  | 'rehearsal.ended'
  | 'drill.changed'
  | 'quarantine.entered'
  | 'quarantine.ended'
  | 'breaker.changed'
  | 'breaker.tripped'
  | 'breaker.half_opened'
  | 'breaker.closed'
  | 'detection.changed'
  | 'detection.fired'
  | 'detection.closed'
  | 'evaluator.error'
  | 'evaluator.rebuilt'
  | 'rule_test.started'
  | 'rule_test.ended'
  | 'rule_test.reported'
  | 'rule_test.confirmed'
  | 'rule_test.due'
  | 'session.started'
  | 'session.ended'
  | 'session.stepped_up'
  | 'sign_in.refused'
  | 'sign_in.settings'
  | 'identity.linked'
  | 'identity.unlinked'
  | 'invitation.changed'
  | 'provider.changed'
  | 'passkey.registered'
  | 'passkey.revoked'
  | 'break_glass.changed'
  | 'break_glass.used'
  | 'group_roles.changed'
  | 'change.drafted'
  | 'change.edited'
  | 'change.submitted'
  | 'change.previewed'
  | 'change.decided'
  | 'change.approved'
  | 'change.rejected'
  | 'change.scheduled'
  | 'change.waiting'
  | 'change.activated'
  | 'change.reviewed'
  | 'change.overdue'
  | 'change.voided'
  | 'change.rolled_back'
  | 'change.withdrawn'
  | 'change.stale'
  | 'change.expired'
  | 'change.refused'
  | 'change.commented'
  | 'change.settings'
  | 'management.refused'
  | 'blast_radius.accepted'
  | 'blast_radius.acceptance_ended'
  | 'blast_radius.exceeded'
  | 'blast_radius.unbounded'
  | 'blast_radius.swept'
  | 'blast_radius.differs'
  | 'blast_radius.settings'
  | 'tool_limit.changed'
  | 'least_privilege.dismissed'
  | 'webhook.changed'
  | 'channel.changed'
  | 'sink.changed'
  | 'sink.paused'
  | 'sink.resumed'
  | 'sink.replayed'
  | 'sink.dead_letter'
  | 'sink.redriven'
  | 'sink.skipped'
  | 'workspace.changed'
  | 'person.changed'
  | 'group.changed'
  | 'scim.connection'
  | 'person.left'
  | 'transfer.opened'
  | 'transfer.reminded'
  | 'transfer.escalated'
  | 'transfer.retired'
  | 'transfer.closed'
  | 'transfer.proposed'
  | 'transfer.accepted'
  | 'transfer.declined'
  | 'transfer.withdrawn'
  | 'transfer.lapsed'
  | 'alert.opened'
  | 'alert.over'
  | 'alert.assigned'
  | 'alert.acknowledged'
  | 'alert.triaged'
  | 'alert.closed'
  | 'alert.reopened'
  | 'alert.changed'
  | 'alert.escalated'
  | 'alert.acted'
  | 'alert.exported'
  | 'alert.settings'
  | 'incident.opened'
  | 'incident.changed'
  | 'incident.linked'
  | 'incident.noted'
  | 'incident.follow_up'
  | 'incident.closed'
  | 'incident.reopened'
  | 'incident.exported'
  | 'evidence.exported'
  | 'sample.requested'
  | 'sample.drawn'
  | 'tie_out.imported'
  | 'tie_out.explained'
  | 'log_query.changed'
  | 'log.read'
  | 'log.exported'
  | 'log.pruned'
  | 'log.redacted'
  | 'log.absent'
  | 'hold.placed'
  | 'hold.covers'
  | 'hold.released'
  | 'retention.settings'
  | 'retention.request'
  | 'retention.disposed'
  | 'gateway.refused'
  | 'system.started'
  | 'system.stopped';

/** Fields every record has; kinds add their own (see docs/reference/records.md). */
export interface LogRecord {
  readonly v: 1;
  readonly event_id: string;
  readonly kind: RecordKind;
  /** Decision time at the gateway, ISO 8601 UTC with milliseconds and `Z`. */
  readonly ts: string;
  readonly workspace: string;
  readonly env: string;
  readonly shard: string;
  /** Gapless position in the shard, from 1. */
  readonly shard_seq: number;
  readonly [field: string]: unknown;
}

/** One line of `entries.jsonl` in an export, and one item of the audit API. Hashes print as `sha256:<hex>`. */
export interface SealedEntry {
  /** Gapless position in the whole log of the workspace, from 1. */
  readonly seq: number;
  /** SHA-256(0x00 ‖ canonical record): also the RFC 6962 leaf hash. */
  readonly entry_hash: string;
  readonly prev_hash: string;
  /** Shard link: SHA-256(prev_hash ‖ entry_hash) over the 32-byte values; the first prev_hash is 32 zero bytes. */
  readonly hash: string;
  readonly record: LogRecord;
}

/** A named defect found by the verifier. `place` says where: a file, a seq, a shard position. */
export interface Finding {
  readonly code: FindingCode;
  readonly place: string;
  readonly message: string;
  readonly fatal: boolean;
}

export type FindingCode =
  /** The record of an entry is not the one its hash was made of. */
  | 'entry_edited'
  | 'entry_missing'
  | 'entry_inserted'
  | 'entry_reordered'
  | 'agent_sequence_broken'
  | 'link_broken'
  | 'shard_head_mismatch'
  /** The entries are not those whose root was signed. */
  | 'root_mismatch'
  /** A hash path of the export or proof does not lead where it should, or is absent. */
  | 'proof_invalid'
  | 'checkpoint_inconsistent'
  /** Two checkpoints of one size differ. */
  | 'fork'
  | 'signature_invalid'
  /** Signed by another key than the trusted one, or brings another. */
  | 'key_unknown'
  /** Not fatal: no trusted key was given, so that the one of the export was believed. */
  | 'key_not_trusted'
  /** The payload of an entry is absent, and no record of the log lets it go. */
  | 'payload_missing'
  /** A record that lets payloads go is not in the log, or not of these entries. */
  | 'absence_invalid'
  /** A payload was let go while a hold kept it. */
  | 'held_entry_let_go'
  /** A checkpoint held elsewhere covers more. */
  | 'tail_cut'
  /** A checkpoint held elsewhere could not be compared. Fatal when that is true of all. */
  | 'checkpoint_not_compared'
  | 'file_missing'
  | 'file_empty'
  /** The manifest says something else than the files. */
  | 'manifest_mismatch'
  | 'malformed'
  /** Not fatal. */
  | 'clock_backwards'
  /** The verifier itself, or the reading of a file, failed. */
  | 'verifier_failed';
