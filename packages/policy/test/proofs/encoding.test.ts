/** What the encoding says of calls that are known is what the engine says; a wrong encoding is noticed. */
import fc from 'fast-check';
import { RE2JS } from 're2js';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { JsonObject, PolicySet } from '../../src/index.ts';
import { languageOf } from '../../src/proofs/pattern.ts';
import { text } from '../../src/proofs/smt.ts';
import { agreement as agreementOf, type KnownCall } from './agreement.ts';
import { CAPABILITIES, callArguments, guardsFrom, NAMES, policySet } from './arbitraries.ts';
import { startSolver, type TestSolver } from './solver.ts';

let solver: TestSolver;
beforeAll(async () => {
  solver = await startSolver();
});
afterAll(() => solver.close());

const call: fc.Arbitrary<KnownCall> = fc.record({
  arguments: callArguments,
  provenance: fc.constantFrom('trusted', 'untrusted', undefined),
  risk: fc.constantFrom('low', 'high', undefined),
});
/** One guard on pay.one, and calls of it. */
function fixed(when: JsonObject, calls: readonly JsonObject[]) {
  const guards = guardsFrom([{ action: 'pay.one', when, effect: 'allow', otherwise: 'deny' }], 'a');
  const set: PolicySet = {
    revision: 1,
    roles: [{ name: 'a', description: '', revision: 1, allow: ['pay.one'], guards }],
    workspaceGuards: [],
    capabilities: CAPABILITIES,
  };
  const known = calls.map((args): KnownCall => ({ arguments: args, provenance: undefined, risk: undefined }));
  return { set, role: 'a', capability: 'pay.one', calls: known };
}

/** What random calls seldom hit: a bound itself, another currency, a negation that decides. */
const FIXED = [
  fixed({ field: 'amount', lt: '$2' }, [
    { amount: 1.99 },
    { amount: 2 },
    { amount: 1, currency: 'EUR' },
    { amount: '1' },
    { amount: '-1' },
  ]),
  fixed({ not: { field: 'f', in: ['x'] } }, [{ f: 'x' }, { f: 'y' }, { f: 'X' }, {}]),
];
const RANDOM = fc.sample(
  fc.record({
    set: policySet,
    role: fc.constantFrom('a', 'b'),
    capability: fc.constantFrom(...NAMES),
    calls: fc.array(call, { minLength: 8, maxLength: 8 }),
  }),
  { numRuns: 24, seed: 20_261_126 },
);

const CASES = [...FIXED, ...RANDOM];

/** The role grants it, so that guards are what decides. */
function granting({ set, role, capability }: { set: PolicySet; role: string; capability: string }): PolicySet {
  return {
    ...set,
    roles: set.roles.map((each) =>
      each.name === role ? { ...each, allow: [...new Set([...each.allow, capability])] } : each,
    ),
  };
}

/** Letters that nothing folds and every program reads alike. */
function isPlain(known: KnownCall): boolean {
  return /^[ -~]*$/.test(JSON.stringify(known)) && !/" |\\n/.test(JSON.stringify(known));
}

async function differences(
  agreement: typeof agreementOf,
  encoded = (set: PolicySet) => set,
): Promise<readonly string[]> {
  for (const each of CASES) {
    const set = granting(each);
    const { differences: found } = await agreement(set, each.role, each.capability, each.calls, solver, encoded(set));
    if (found.length > 0) return found;
  }
  return [];
}

describe('the encoding', () => {
  it('agrees with the engine on hundreds of calls, and leaves none of the plain ones open', async () => {
    let checked = 0;
    for (const each of CASES) {
      const found = await agreementOf(granting(each), each.role, each.capability, each.calls, solver);
      expect(found.differences).toEqual([]);
      if (!found.isWidened) expect(found.open.filter(isPlain)).toEqual([]);
      checked += found.checked;
    }
    expect(checked).toBe(201);
  }, 300_000);

  it('reads patterns as RE2 does, or not at all', async () => {
    const patterns = [
      'a+b?',
      '(?i)key|s',
      '[a-c]{2,3}',
      '(?s).*',
      '.*',
      '\\d+(\\.\\d\\d)?',
      '[^;]*',
      'a|(b|c)*d',
      '^a$|\\Ab\\z',
      '(?i:K)[^k]',
      '(?i)[^k]',
      '[\\w.-]+@[a-z]+\\.com',
      'x{0,2}y{2,}',
      '(?P<name>a)(?:b)',
      '[[x-]\\]',
      'a{,2}',
      '\\x41\\x{e9}',
      '[^\\W]+',
    ];
    const texts = [
      '',
      'a',
      'aab',
      'b',
      'd',
      'bcbcd',
      'KEY',
      '\u212aEY',
      '\u017f',
      'x\ny',
      '12.50',
      '12.5',
      'a;b',
      'kk',
      'Kx',
    ];
    texts.push('p@acme.com', 'xxyy', 'yy', 'ab', '[]', 'x]', 'a{,2}', 'Aé', '😀', 'abc', 'k', '_');
    const asked = patterns.flatMap((pattern) => {
      const language = languageOf(pattern);
      expect(language, pattern).toBeDefined();
      return texts
        .filter((each) => each !== '😀' || !/\[\^/.test(pattern))
        .map((each) => ({ pattern, each, script: `(simplify (str.in_re ${text(each)} ${language}))` }));
    });
    const answers = (await solver.solve(`${asked.map(({ script }) => script).join('\n')}\n`)).trim().split('\n');
    for (const [i, { pattern, each }] of asked.entries())
      expect([pattern, each, answers[i]]).toEqual([pattern, each, String(RE2JS.compile(pattern).matches(each))]);
    const untranslated = [
      '\\bx',
      '\\pL+',
      '[[:alpha:]]',
      '(?m)^a$',
      'a$b',
      '(?i)é',
      '(?U)a*',
      '(^a)',
      '\\Qa\\E',
      'a**',
    ];
    expect(untranslated.filter((pattern) => languageOf(pattern) !== undefined)).toEqual([]);
  });

  describe('is not the engine any more', () => {
    afterEach(() => {
      vi.doUnmock('../../src/proofs/truth.ts');
      vi.doUnmock('../../src/proofs/amounts.ts');
      vi.doUnmock('../../src/proofs/languages.ts');
      vi.resetModules();
    });

    type Truth = typeof import('../../src/proofs/truth.ts');
    type Amounts = typeof import('../../src/proofs/amounts.ts');
    type Languages = typeof import('../../src/proofs/languages.ts');

    async function mutated<T extends object>(
      file: string,
      change: (real: T) => Partial<T>,
    ): Promise<readonly string[]> {
      vi.resetModules();
      vi.doMock(file, async (original) => {
        const real = await original<T>();
        return { ...real, ...change(real) };
      });
      const { agreement } = await import('./agreement.ts');
      return differences(agreement);
    }

    const truths: Record<string, (real: Truth) => Partial<Truth>> = {
      'when the unknown takes the laxer branch': ({ verdictOf, rankOf }) => ({
        verdictOf: ({ holds, fails }, effect, otherwise) =>
          verdictOf({ holds, fails }, effect, otherwise).replace(
            /[012]\)+$/,
            (end) => `${rankOf('allow')}${end.slice(1)}`,
          ),
      }),
      'when effect and otherwise change places': ({ verdictOf }) => ({
        verdictOf: (truth, effect, otherwise) => verdictOf(truth, otherwise, effect),
      }),
      'when what is missing fails': ({ answered }) => ({
        answered: (isAnswered, holds) => ({ ...answered(isAnswered, holds), fails: `(not ${holds})` }),
      }),
      'when one of several values is enough': ({ oneVoice }) => ({
        oneVoice: (voices, isAny) => ({
          ...oneVoice(voices, isAny),
          holds: `(or false ${voices.map(({ isThere, truth }) => `(and ${isThere} ${truth.holds})`).join(' ')})`,
        }),
      }),
      'when a negation does nothing': () => ({ negated: (truth) => truth }),
      'when all is any': ({ anyOf }) => ({ allOf: anyOf }),
    };
    it.each(Object.keys(truths))('%s', async (name) => {
      expect(await mutated<Truth>('../../src/proofs/truth.ts', truths[name] ?? (() => ({})))).not.toEqual([]);
    });

    it('when a bound is taken in, or left out', async () => {
      const found = await mutated<Amounts>('../../src/proofs/amounts.ts', ({ compareAmount }) => ({
        compareAmount: (amount, operator, bounds) =>
          compareAmount(amount, operator === 'lt' ? 'lte' : operator === 'gt' ? 'gte' : operator, bounds),
      }));
      expect(found).not.toEqual([]);
    });

    it('when another currency passes for the own', async () => {
      const found = await mutated<Amounts>('../../src/proofs/amounts.ts', ({ amountOf }) => ({
        amountOf: (...given) => ({ ...amountOf(...given), isKnown: 'true' }),
      }));
      expect(found).not.toEqual([]);
    });

    it('when case is not folded', async () => {
      const found = await mutated<Languages>('../../src/proofs/languages.ts', ({ exactly }) => ({ anyCase: exactly }));
      expect(found).not.toEqual([]);
    });

    it('when a guard is left out', async () => {
      const dropped = (set: PolicySet): PolicySet => ({
        ...set,
        roles: set.roles.map((role) => ({ ...role, guards: role.guards.slice(1) })),
      });
      expect(await differences(agreementOf, dropped)).not.toEqual([]);
    });
  });
});
