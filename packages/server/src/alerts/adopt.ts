/** Records that are alerts by themselves become alerts of the one population, in the transaction that writes them. */
import { z } from 'zod';
import type { WorkspaceId } from '../ids.ts';
import type { BeforeCommit, LoggedTransaction, RecordDraft } from '../log/index.ts';
import { type AlertSource, endCondition, type NewAlert, raiseAlert } from './raise.ts';

/** What is known of an alert before its evidence, which is the record itself. */
type Adopted = Omit<NewAlert, 'evidence' | 'rule' | 'source'>;

interface Adopter {
  readonly source: AlertSource;
  alertOf(record: RecordDraft): Adopted;
}

const object = z.object({ object_type: z.string(), object_id: z.string(), what: z.string() });
const subject = z.object({ kind: z.string(), id: z.string(), name: z.string() });

const ADOPTERS: ReadonlyMap<string, Adopter> = new Map<string, Adopter>([
  [
    'drift.found',
    {
      source: 'drift',
      alertOf: (record) => {
        const { what } = object.parse(record);
        const of = driftSubject(record);
        return {
          // The policy itself, or what was kept of it, against whatever one object of it is.
          severity: what === 'policy' || what === 'archive' ? 'critical' : 'high',
          subject: of,
          title: `What decides was edited past HiveKey: ${of.name}.`,
          link: '/log?kind=drift.found',
          groupKey: 'drift',
        };
      },
    },
  ],
  [
    'blast_radius.exceeded',
    {
      source: 'blast_radius',
      alertOf: (record) => {
        const of = subject.parse(record.subject);
        const isOver = record.cause === 'expired';
        return {
          severity: 'high',
          subject: of,
          title: isOver
            ? `What the blast radius of ${of.kind} ${of.name} was accepted as is over.`
            : `The blast radius of ${of.kind} ${of.name} is larger than what was accepted.`,
          link: '/blast-radius',
        };
      },
    },
  ],
  [
    'blast_radius.differs',
    {
      source: 'blast_radius',
      alertOf: () => ({
        severity: 'critical',
        subject: { kind: 'policy', id: '*', name: 'the policy in force' },
        title: 'What the decision function lets through is not what blast radii are computed from.',
        link: '/blast-radius',
      }),
    },
  ],
  [
    'change.overdue',
    {
      source: 'change',
      alertOf: (record) => {
        const { change, title } = z.object({ change: z.string(), title: z.string() }).parse(record);
        return {
          severity: 'high',
          subject: { kind: 'change', id: change, name: title },
          title: `Nobody has reviewed the emergency change ${change} in time.`,
          link: `/changes/${change}`,
        };
      },
    },
  ],
  [
    'break_glass.used',
    {
      source: 'break_glass',
      alertOf: (record) => {
        const { person, person_id: id } = z.object({ person: z.string(), person_id: z.string() }).parse(record);
        return {
          severity: 'critical',
          subject: { kind: 'person', id, name: person },
          title: `${person} has signed in to an account for emergencies.`,
          link: '/log?kind=break_glass.used',
          groupKey: `break_glass ${id}`,
        };
      },
    },
  ],
]);

/** Kinds that are told over the channels as what they are: of their alerts no second message is sent. */
export const ADOPTED_KINDS: ReadonlySet<string> = new Set(ADOPTERS.keys());

function driftSubject(record: RecordDraft): NewAlert['subject'] {
  const { object_type: kind, object_id: id } = object.parse(record);
  return { kind, id, name: id === '*' ? `the ${kind}` : `${kind} ${id}` };
}

/** To be asked last: what it writes is of no other concern. */
export const adoptAlerts: BeforeCommit = async (transaction, { workspaceId, records, eventIds }) => {
  const found = records.map((record, at) => ({ record, eventId: eventIds[at] }));
  for (const { record, eventId } of found) {
    const adopter = ADOPTERS.get(record.kind);
    if (adopter !== undefined && eventId !== undefined)
      await raiseAlert(transaction, workspaceId, {
        source: adopter.source,
        rule: record.kind,
        ...adopter.alertOf(record),
        evidence: { eventIds: [eventId], count: 1 },
      });
    if (record.kind === 'drift.resolved') await resolved(transaction, workspaceId, record);
  }
};

function resolved(transaction: LoggedTransaction, workspaceId: WorkspaceId, record: RecordDraft): Promise<void> {
  const { kind, id } = driftSubject(record);
  return endCondition(transaction, workspaceId, { source: 'drift', rule: 'drift.found', subject: { kind, id } });
}
