/** Kinds of records a webhook can ask for. */
import type { RecordKind } from '@hivekey/action-log';

// An object, because the compiler then finds a kind that is missing here.
const KINDS: Readonly<Record<RecordKind, true>> = {
  'tool.call': true,
  'tool.result': true,
  'agent.created': true,
  'agent.changed': true,
  'agent.revoked': true,
  'agent.restored': true,
  'token.minted': true,
  'token.rotated': true,
  'token.revoked': true,
  'key.created': true,
  'key.revoked': true,
  'role.changed': true,
  'policy.changed': true,
  'capability.changed': true,
  'server.changed': true,
  'tool.changed': true,
  'sources.changed': true,
  'risk.raised': true,
  'risk.cleared': true,
  'risk.transmitter': true,
  'freeze.changed': true,
  'freeze.override': true,
  'approval.requested': true,
  'approval.decided': true,
  'approval.refused': true,
  'approval.reminded': true,
  'approval.escalated': true,
  'approval.granted': true,
  'approval.released': true,
  'approval.finished': true,
  'approval.stopped': true,
  'approval.expired': true,
  'approval.cancelled': true,
  'delegation.created': true,
  'delegation.ended': true,
  'containment.ordered': true,
  'containment.lifted': true,
  'containment.proposal': true,
  'containment.settings': true,
  'rehearsal.started': true,
  'rehearsal.ended': true,
  'drill.changed': true,
  'quarantine.entered': true,
  'quarantine.ended': true,
  'breaker.changed': true,
  'breaker.tripped': true,
  'breaker.half_opened': true,
  'breaker.closed': true,
  'session.started': true,
  'session.ended': true,
  'webhook.changed': true,
  'channel.changed': true,
  'workspace.changed': true,
  'person.changed': true,
  'log.read': true,
  'log.exported': true,
  'gateway.refused': true,
  'system.started': true,
  'system.stopped': true,
};

/** `*` stands for all of them. */
export function isEventKind(text: string): boolean {
  return text === '*' || Object.hasOwn(KINDS, text);
}

export function wants(events: readonly string[], kind: string): boolean {
  return events.includes('*') || events.includes(kind);
}
