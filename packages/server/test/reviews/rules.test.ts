/** The rules of reviews that need no database. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PersonId } from '../../src/ids.ts';
import { addBusinessDays } from '../../src/reviews/business-days.ts';
import { hasRisen } from '../../src/reviews/changes-since.ts';
import { drawn } from '../../src/reviews/draw.ts';
import { ITEM_TYPES } from '../../src/reviews/kinds.ts';
import { outcomeOf } from '../../src/reviews/outcome.ts';
import {
  assignReviewers,
  barOf,
  barredFrom,
  type Directory,
  escalationOf,
  type KnownPerson,
} from '../../src/reviews/reviewers.ts';
import { slotAt } from '../../src/reviews/schedule.ts';

const NAMES = ['ana', 'ben', 'cat', 'dan', 'eve', 'fay', 'gus'];
const email = (name: string): string => `${name}@acme.example`;
const id = (name: string): PersonId => `per_${name}` as PersonId;
const someone = fc.constantFrom(...NAMES);
const address = someone.map(email);

const company = fc
  .tuple(
    ...NAMES.map((name) =>
      fc.record({
        id: fc.constant(id(name)),
        email: fc.constant(email(name)),
        active: fc.boolean(),
        breakGlass: fc.boolean(),
        auditor: fc.boolean(),
        reviewer: fc.boolean(),
        managerId: fc.option(someone.map(id)),
        groups: fc.subarray(['pay', 'ops']),
        team: fc.option(fc.constantFrom('money', 'mail')),
      }),
    ),
  )
  .chain((people) =>
    fc.record({
      people: fc.constant(people as readonly KnownPerson[]),
      keys: fc.dictionary(fc.constantFrom('ops', 'ci'), fc.array(someone.map(id), { maxLength: 2 })),
    }),
  )
  .map(
    ({ people, keys }): Directory => ({
      people: new Map(people.map((each) => [each.id, each])),
      byEmail: new Map(people.map((each) => [each.email, each])),
      keyHolders: new Map(Object.entries(keys)),
    }),
  );

const by = fc.oneof(
  someone.map(id),
  address.map((each) => `person:${each}`),
  fc.constantFrom('key:ops', 'key:ci', 'system', 'scim:directory', 'person:gone@acme.example'),
);

const question = fc.record({
  parts: fc.array(fc.record({ by, as: fc.constantFrom('owner of the agent', 'creator of the agent') }), {
    maxLength: 8,
  }),
  privileged: fc.boolean(),
  subject: fc.record({
    type: fc.constantFrom(...ITEM_TYPES),
    agent: fc.option(fc.record({ ownerId: someone.map(id) })),
    role: fc.option(fc.constantFrom('pays', 'mails')),
    capabilities: fc.subarray(['pay.send', 'mail.send']),
  }),
  policy: fc.record({
    superior: fc.option(address),
    reviewers: fc.record({
      managers: fc.array(
        fc.record({
          of: fc.oneof(
            fc.record({ person: address }),
            fc.record({ group: fc.constantFrom('pay', 'ops') }),
            fc.record({ team: fc.constantFrom('money', 'mail') }),
          ),
          reviewer: address,
        }),
        { maxLength: 4 },
      ),
      role_owners: fc.array(fc.record({ role: fc.constantFrom('pays', 'mails'), reviewer: address }), { maxLength: 3 }),
      data_owners: fc.array(fc.record({ capabilities: fc.constantFrom('pay.*', '*'), reviewer: address }), {
        maxLength: 3,
      }),
      fallbacks: fc.array(address, { maxLength: 3 }),
    }),
  }),
  ownerId: someone.map(id),
});

describe('choosing reviewers', () => {
  it('never takes somebody with a part in it, whatever map, directory and chain say', () => {
    fc.assert(
      fc.property(company, question, (directory, { parts, subject, ...rest }) => {
        // The owner has a part in what is theirs.
        const all =
          subject.agent === null ? parts : [...parts, { by: subject.agent.ownerId, as: 'owner of the agent' }];
        const barred = barredFrom(directory, all);
        const asked = { ...rest, subject, barred };
        const assigned = assignReviewers(directory, asked);
        const taken = new Set<PersonId>();
        for (const { personId } of assigned) {
          const person = directory.people.get(personId);
          expect(barOf(person, barred)).toBeUndefined();
          expect(person).toMatchObject({ active: true, breakGlass: false, auditor: false });
          expect(barred.has(personId)).toBe(false);
          expect(taken.has(personId)).toBe(false);
          taken.add(personId);
        }
        const above = escalationOf(directory, asked, taken);
        if (above !== undefined) {
          expect(barOf(directory.people.get(above.personId), barred)).toBeUndefined();
          expect(taken.has(above.personId)).toBe(false);
        }
        // Nobody is left only where everybody of the chain may not.
        const owner = directory.people.get(rest.ownerId);
        if (assigned.length === 0) expect(barOf(owner, barred)).toBeDefined();
      }),
    );
  });
});

describe('what several reviewers come to', () => {
  it('is revoke as soon as one says so, and never keep while one is silent', () => {
    const said = fc.constantFrom('keep', 'modify', 'revoke', 'pending', 'silent');
    fc.assert(
      fc.property(fc.array(said, { minLength: 1, maxLength: 4 }), (words) => {
        const at = new Date(0);
        const assignments = words.map((_, i) => ({
          number: i + 1,
          personId: id(NAMES[i] ?? ''),
          reviewer: '',
          basis: 'manager' as const,
          note: '',
          assignedAt: at,
          assignedBy: '',
          reassignedFrom: null,
          reason: null,
          firstOpenedAt: null,
          lastOpenedAt: null,
          endedAt: null,
        }));
        const decisions = words.flatMap((word, i) =>
          word === 'silent'
            ? []
            : [
                {
                  number: i + 1,
                  assignment: i + 1,
                  personId: id(NAMES[i] ?? ''),
                  person: '',
                  decision: word === 'pending' ? ('revoke' as const) : (word as 'keep' | 'modify' | 'revoke'),
                  reason: 'x',
                  operations: null,
                  stagedDays: null,
                  decidedAt: at,
                  via: 'key',
                  bulkGroup: null,
                  secondsOnItem: null,
                  submittedAt: word === 'pending' ? null : at,
                  supersededAt: null,
                  actor: '',
                  credentialId: '',
                },
              ],
        );
        const outcome = outcomeOf({ assignments, decisions })?.decision;
        const isOpen = words.some((word) => word === 'pending' || word === 'silent');
        const expected = words.includes('revoke')
          ? 'revoke'
          : isOpen
            ? undefined
            : words.includes('modify')
              ? 'modify'
              : 'keep';
        expect(outcome).toBe(expected);
      }),
    );
  });
});

describe('time', () => {
  it('of a remediation counts business days', () => {
    // A Friday.
    expect(addBusinessDays(new Date('2026-09-04T16:20:00Z'), 3).toISOString()).toBe('2026-09-09T16:20:00.000Z');
    fc.assert(
      fc.property(
        fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }),
        fc.integer({ min: 1, max: 30 }),
        (from, days) => {
          const due = addBusinessDays(from, days);
          expect([1, 2, 3, 4, 5]).toContain(due.getUTCDay());
          expect((due.getTime() - from.getTime()) % 86_400_000).toBe(0);
          let counted = 0;
          for (let at = from.getTime() + 86_400_000; at <= due.getTime(); at += 86_400_000)
            if (![0, 6].includes(new Date(at).getUTCDay())) counted += 1;
          expect(counted).toBe(days);
        },
      ),
    );
  });

  const calendar = { cycle: 'quarterly', launch_days_before_end: 30, due_days: 11 } as const;

  it('of the example quarter is as it is written', () => {
    expect(slotAt(calendar, new Date('2026-08-15T00:00:00Z'))).toEqual({
      name: '2026-Q3',
      launchAt: new Date('2026-09-01T00:00:00Z'),
      dueAt: new Date('2026-09-12T00:00:00Z'),
      endsAt: new Date('2026-10-01T00:00:00Z'),
    });
  });

  it('has every instant in one cycle, whose launch is in it', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('monthly' as const, 'quarterly' as const, 'half_yearly' as const, 'yearly' as const),
        fc.integer({ min: 0, max: 90 }),
        fc.date({ min: new Date('2020-01-01'), max: new Date('2040-01-01'), noInvalidDate: true }),
        (cycle, before, at) => {
          const of = { cycle, launch_days_before_end: before, due_days: 11 };
          const slot = slotAt(of, at);
          expect(slot.endsAt > at && slot.launchAt <= slot.endsAt).toBe(true);
          const last = new Date(slot.endsAt.getTime() - 1);
          expect(slotAt(of, last)).toEqual(slot);
          expect(slotAt(of, slot.endsAt).name).not.toBe(slot.name);
          if (before > 0) expect(slotAt(of, slot.launchAt).name).toBe(slot.name);
        },
      ),
    );
  });
});

describe('the re-check', () => {
  it('is drawn as a shell would draw it', () => {
    const ids = Array.from({ length: 40 }, (_, i) => `AR-2026-Q3-${String(i + 1).padStart(3, '0')}`);
    const seed = 'a'.repeat(64);
    const sorted = ids.toSorted((a, b) => (hash(`${seed}${a}`) < hash(`${seed}${b}`) ? -1 : 1));
    expect(drawn(seed, ids, 0.1)).toEqual(sorted.slice(0, 4));
    expect(drawn(seed, ids.toReversed(), 0.1)).toEqual(sorted.slice(0, 4));
    expect(drawn(seed, ids, 0)).toEqual([]);
    expect(drawn(seed, ids.slice(0, 3), 0.1)).toHaveLength(1);
  });
});

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

describe('a blast radius that rises', () => {
  const bounded = (cents: number) => ({ blast_radius: 'bounded' as const, blast_radius_usd_24h: cents });
  const none = { blast_radius: 'unbounded' as const, blast_radius_usd_24h: null };
  it.each([
    [bounded(100), bounded(150), false],
    [bounded(100), bounded(151), true],
    [bounded(0), bounded(1), true],
    [bounded(100), none, true],
    [none, bounded(1), false],
    [none, none, false],
    [{ blast_radius: null, blast_radius_usd_24h: null }, none, false],
  ])('%o → %o: %s', (was, is, expected) => {
    expect(hasRisen(was, is)).toBe(expected);
  });
});
