/** The life of a change against a model of it: whatever people try, in whatever order, the server answers as the model does. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ChangesWorld, newRole, openChanges, type Person, REVIEWED } from './world.ts';

const RUNS = 12;
const COMMANDS = 14;
/** Two of them, one of whom is in the group. */
const TWO = { people: 2, groups: ['security'] };

type Name = 'ana' | 'abe' | 'rita' | 'rob' | 'sam';
/** Those who may write, too. */
const WRITERS: readonly Name[] = ['ana', 'abe'];
const EVERYBODY: readonly Name[] = ['ana', 'abe', 'rita', 'rob', 'sam'];
const SECURITY: ReadonlySet<Name> = new Set(['abe', 'sam']);

let world: ChangesWorld;
const people = new Map<Name, Person>();
let outsiders: readonly Person[];
beforeAll(async () => {
  world = await openChanges();
  for (const name of EVERYBODY)
    people.set(
      name,
      await world.person(name, WRITERS.includes(name) ? ['author', 'reviewer'] : ['reviewer'], {
        groups: SECURITY.has(name) ? ['security'] : [],
      }),
    );
  outsiders = [await world.person('olga', ['author']), await world.person('oleg', ['reviewer'])];
  const normal = { low: TWO, medium: TWO, high: TWO, critical: TWO };
  const { status } = await world.settings({ authority: { ...REVIEWED.authority, normal } });
  expect(status).toBe(200);
});
afterAll(() => world.server.close());

interface Model {
  status: string;
  readonly authors: Set<Name>;
  readonly approvers: Set<Name>;
  /** What it was drafted on is not there any more. */
  moved: boolean;
}

interface Real {
  readonly id: string;
  readonly operation: ReturnType<typeof newRole>;
  edits: number;
}

/** Of two places, one is for the group. */
function filled(names: ReadonlySet<Name>): number {
  const speaks = [...names].some((name) => SECURITY.has(name)) ? 1 : 0;
  return speaks + Math.min(1, names.size - speaks);
}

type Answer = 'done' | string;

interface Step {
  readonly name: string;
  /** What is expected, with the model moved along. */
  readonly model: (model: Model) => Answer;
  readonly real: (real: Real) => Promise<Answer>;
}

class Command implements fc.AsyncCommand<Model, Real> {
  readonly #step: Step;

  constructor(step: Step) {
    this.#step = step;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, real: Real): Promise<void> {
    const expected = this.#step.model(model);
    expect([this.#step.name, await this.#step.real(real)]).toEqual([this.#step.name, expected]);
    const { status, authors, reviews } = await world.get(real);
    expect(status).toBe(model.status);
    expect(authors).toEqual([...model.authors].map((name) => `${name}@acme.example`).sort());
    const approved = reviews.filter((each: { decision: string }) => each.decision === 'approve');
    expect(approved.map((each: { person: string }) => each.person).sort()).toEqual(
      [...model.approvers].map((name) => `${name}@acme.example`).sort(),
    );
  }

  toString(): string {
    return this.#step.name;
  }
}

function keyOf(name: Name): { readonly key: string } {
  return { key: people.get(name)?.key ?? '' };
}

async function post(by: Name, { id }: Real, what: string, body: object = {}): Promise<Answer> {
  const answer = await world.post(keyOf(by), { id }, what, body);
  return answer.status < 300 ? 'done' : answer.body.error.code;
}

const edit = (by: Name): Step => ({
  name: `${by} edits`,
  model: (model) => {
    if (model.status !== 'draft') return 'change_not_draft';
    model.authors.add(by);
    return 'done';
  },
  real: async (real) => {
    real.edits += 1;
    const body = { title: `edit ${real.edits}` };
    const answer = await world.call('PUT', `/v1/changes/${real.id}`, { body, ...keyOf(by) });
    return answer.status < 300 ? 'done' : answer.body.error.code;
  },
});

const submit = (by: Name): Step => ({
  name: `${by} submits`,
  model: (model) => {
    if (model.status !== 'draft') return 'change_not_draft';
    if (model.moved) return 'change_stale';
    model.authors.add(by);
    model.status = 'submitted';
    return 'done';
  },
  real: (real) => post(by, real, 'submit'),
});

const NOTHING = `sha256:${'0'.repeat(64)}`;

const approve = (by: Name, isAsRead: boolean): Step => ({
  name: `${by} approves ${isAsRead ? 'what is there' : 'something else'}`,
  model: (model) => {
    if (model.status !== 'submitted') return `change_${model.status}`;
    if (model.moved) {
      model.status = 'stale';
      return 'change_stale';
    }
    if (!isAsRead) return 'change_hash_differs';
    if (model.authors.has(by)) return 'approver_is_author';
    if (model.approvers.has(by)) return 'approver_decided_before';
    const next = new Set([...model.approvers, by]);
    if (filled(next) === filled(model.approvers)) return 'approver_not_needed';
    model.approvers.add(by);
    if (filled(next) === 2) model.status = 'approved';
    return 'done';
  },
  real: async (real) => {
    const { content_hash, preview } = await world.get(real);
    const body = { content_hash: isAsRead ? content_hash : NOTHING, preview_hash: preview?.hash ?? NOTHING };
    return post(by, real, 'approve', body);
  },
});

const reject = (by: Name): Step => ({
  name: `${by} rejects`,
  model: (model) => {
    if (model.status !== 'submitted' && model.status !== 'approved') return `change_${model.status}`;
    if (model.authors.has(by)) return 'approver_is_author';
    model.status = 'rejected';
    return 'done';
  },
  real: (real) => post(by, real, 'reject'),
});

const activate = (by: Name): Step => ({
  name: `${by} activates`,
  model: (model) => {
    if (model.status === 'submitted') return 'change_not_approved';
    if (model.status !== 'approved') return `change_${model.status}`;
    model.status = model.moved ? 'stale' : 'activated';
    return model.moved ? 'change_stale' : 'done';
  },
  real: (real) => post(by, real, 'activate'),
});

const withdraw = (by: Name): Step => ({
  name: `${by} withdraws`,
  model: (model) => {
    if (!['draft', 'submitted', 'approved'].includes(model.status)) return `change_${model.status}`;
    if (!model.authors.has(by)) return 'role_missing';
    model.status = 'withdrawn';
    return 'done';
  },
  real: (real) => post(by, real, 'withdraw'),
});

/** Others put the same role in force by an emergency of two people. */
const move: Step = {
  name: 'the ground moves',
  model: (model) => {
    if (model.moved || model.status === 'activated') return 'not now';
    model.moved = true;
    return 'done';
  },
  real: async ({ id, operation }) => {
    const [author, reviewer] = outsiders;
    if (author === undefined || reviewer === undefined) throw new Error('there are outsiders');
    if ((await world.get({ id })).status === 'activated') return 'not now';
    const other = await world.call('POST', '/v1/changes', {
      body: { title: 'meanwhile', class: 'emergency', operations: [operation] },
      key: author.key,
    });
    if (other.status >= 300) return 'not now';
    await world.post(author, other.body, 'submit');
    const approved = await world.approve(reviewer, await world.get(other.body));
    return approved.body.status === 'activated' ? 'done' : approved.body.error.code;
  },
};

const by = fc.constantFrom(...EVERYBODY);
const writer = fc.constantFrom(...WRITERS);
const command = (steps: fc.Arbitrary<Step>) => steps.map((step) => new Command(step));
const commands = [
  command(writer.map(edit)),
  command(writer.map(submit)),
  command(writer.map(submit)),
  command(fc.tuple(by, fc.constant(true)).map(([name, isAsRead]) => approve(name, isAsRead))),
  command(fc.tuple(by, fc.constant(true)).map(([name, isAsRead]) => approve(name, isAsRead))),
  command(fc.tuple(by, fc.boolean()).map(([name, isAsRead]) => approve(name, isAsRead))),
  command(by.map(reject)),
  command(by.map(activate)),
  command(by.map(withdraw)),
  command(fc.constant(move)),
];

it('goes as the model says', async () => {
  await fc.assert(
    fc.asyncProperty(fc.commands(commands, { maxCommands: COMMANDS, size: 'max' }), async (steps) => {
      const setup = async () => {
        const operation = newRole();
        const { id } = await world.ok(
          'POST',
          '/v1/changes',
          { title: 'a role', operations: [operation] },
          keyOf('ana'),
        );
        const model: Model = { status: 'draft', authors: new Set(['ana']), approvers: new Set(), moved: false };
        return { model, real: { id, operation, edits: 0 } };
      };
      await fc.asyncModelRun(setup, steps);
    }),
    { numRuns: RUNS },
  );
});
