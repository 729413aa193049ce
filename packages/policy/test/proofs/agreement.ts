/** Whether the encoding says of calls that are known what the engine says of them. */
import { GuardIndex } from '../../src/decide/guard-index.ts';
import {
  compilePolicy,
  type DecisionRequest,
  type JsonObject,
  type JsonValue,
  type PolicySet,
  type StateView,
  settle,
} from '../../src/index.ts';
import type { ValueNode } from '../../src/proofs/arguments.ts';
import { stepsOf } from '../../src/proofs/decimals.ts';
import { encode } from '../../src/proofs/encode.ts';
import type { Atom, Script } from '../../src/proofs/script.ts';
import { equal, integer, text } from '../../src/proofs/smt.ts';
import { isList, isObject } from '../../src/values/json.ts';
import type { TestSolver } from './solver.ts';

export interface KnownCall {
  readonly arguments: JsonObject;
  readonly provenance: StateView['provenance'];
  readonly risk: 'low' | 'high' | undefined;
}

/** What of a disagreement to show; empty where they agree. */
export interface Agreement {
  readonly checked: number;
  readonly differences: readonly string[];
  /** Calls of which the encoding leaves the verdict open. */
  readonly open: readonly KnownCall[];
  /** The encoding says itself that it may, or reads what was used before, which it need not know. */
  readonly isWidened: boolean;
}

const RANKS = { allow: 0, review: 1, deny: 2 } as const;
const AT_MS = Date.parse('2026-03-02T12:00:00Z');

export async function agreement(
  set: PolicySet,
  role: string,
  capability: string,
  calls: readonly KnownCall[],
  solver: TestSolver,
  encoded: PolicySet = set,
): Promise<Agreement> {
  const policy = compilePolicy(set);
  const { script, args, verdict, rooms } = encode({
    index: new GuardIndex(encoded),
    capability,
    roles: [role],
    where: [],
    outcome: 'review',
  });
  const asked: { readonly call: KnownCall; readonly expected: number }[] = [];
  const lines: string[] = [];
  for (const call of calls) {
    const pin = new Pin(script);
    const pinned = pin.members(args, call.arguments);
    const request: DecisionRequest = {
      workspaceId: 'w',
      agentId: 'a',
      ownerId: 'o',
      sessionId: 's',
      roles: [role],
      capability,
      arguments: call.arguments,
    };
    const state: StateView = {
      atMs: AT_MS,
      prerequisites: [],
      used: [],
      risks: call.risk === undefined ? [] : [{ id: 'r', level: call.risk, untilMs: AT_MS + 1_000 }],
      ...(call.provenance === undefined ? {} : { provenance: call.provenance }),
    };
    const evaluation = policy.evaluate(request, state);
    if (evaluation.reasonClass === 'error') throw new Error('the engine could not decide');
    const decided = settle(
      evaluation,
      evaluation.demands.map(() => ({ used: 0 })),
    );
    asked.push({ call, expected: RANKS[decided.verdict] });
    const known = [
      ...pinned,
      ...(await knownTexts(script.atoms, pin.texts, solver)),
      ...rooms.map(({ isEmpty }) => isEmpty),
      ...stateTerms(script.values, call),
    ];
    const rank = String(RANKS[decided.verdict]);
    for (const holds of [equal(verdict, rank), `(not ${equal(verdict, rank)})`])
      lines.push('(push)', ...known.map((term) => `(assert ${term})`), `(assert ${holds})`, '(check-sat)', '(pop)');
  }
  const output = await solver.solve([script.skeleton, ...lines, ''].join('\n'));
  const answers = output.trim().split('\n');
  const differences: string[] = [];
  const open: KnownCall[] = [];
  for (const [i, { call, expected }] of asked.entries()) {
    const [same, other] = [answers[2 * i], answers[2 * i + 1]];
    if (same !== 'sat') differences.push(`${same}: ${JSON.stringify(call)} is ${expected} by the engine`);
    else if (other !== 'unsat') open.push(call);
  }
  return {
    checked: asked.length,
    differences,
    open,
    isWidened: script.widened.size > 0 || script.values.some((value) => value.includes('first_use(')),
  };
}

/** Says of arguments that are not known yet what they are. */
class Pin {
  /** Symbols of texts. */
  readonly texts = new Map<string, string>();
  readonly #script: Script;

  constructor(script: Script) {
    this.#script = script;
  }

  members(node: ValueNode, value: JsonObject): string[] {
    return [...node.children].flatMap(([name, child]) =>
      this.#value(child, Object.hasOwn(value, name) ? value[name] : undefined),
    );
  }

  #value(node: ValueNode, value: JsonValue | undefined): string[] {
    if (value === undefined) return [node.isMissing];
    if (value === null) return [node.is('null')];
    switch (typeof value) {
      case 'boolean':
        return [node.is('boolean'), equal(node.boolean, String(value))];
      case 'number':
        return [node.is('number'), ...steps(node.steps, node.finer, value)];
      case 'string': {
        const isMoney = this.#script.isNamed(`${node.path} decimal`) && /^(0|[1-9]\d*)(\.\d+)?$/.test(value);
        this.texts.set(node.text, value);
        return [node.is('text'), ...(isMoney ? steps(node.decimal, node.decimalFiner, value) : [])];
      }
      default:
        if (!isList(value)) return isObject(value) ? [node.is('object'), ...this.members(node, value)] : [];
        if (value.length > node.items.length) throw new Error('the encoding has too few elements');
        return [
          node.is('list'),
          equal(node.length, String(value.length)),
          ...node.items.flatMap((item, i) => this.#value(item, value[i])),
        ];
    }
  }
}

function steps(whole: string, finer: string, value: number | string): string[] {
  const exact = stepsOf(value);
  return exact === undefined ? [] : [equal(whole, integer(exact.steps)), equal(finer, String(exact.finer))];
}

/** What the solver says of languages and texts that are both known. */
const ANSWERS = new Map<string, string>();

async function knownTexts(
  atoms: readonly Atom[],
  texts: ReadonlyMap<string, string>,
  solver: TestSolver,
): Promise<string[]> {
  const said = atoms.flatMap(({ term, text: about, of }) => {
    const value = texts.get(about);
    if (value === undefined) return [];
    return [
      {
        term,
        body:
          'language' in of ? `(str.in_re ${text(value)} ${of.language})` : `(<= (str.len ${text(value)}) ${of.atMost})`,
      },
    ];
  });
  const asked = [...new Set(said.map(({ body }) => body))].filter((body) => !ANSWERS.has(body));
  if (asked.length > 0) {
    const output = await solver.solve(`${asked.map((body) => `(simplify ${body})`).join('\n')}\n`);
    const answers = output.trim().split('\n');
    for (const [i, body] of asked.entries()) {
      const answer = answers[i] ?? '';
      if (answer !== 'true' && answer !== 'false') throw new Error(`${body} is ${answer}`);
      ANSWERS.set(body, answer);
    }
  }
  return said.map(({ term, body }) => equal(term, ANSWERS.get(body) ?? ''));
}

function stateTerms(values: readonly string[], { provenance, risk }: KnownCall): readonly string[] {
  const has = (name: string): boolean => values.includes(`|${name}|`);
  const level = risk === undefined ? 0 : risk === 'low' ? 1 : 3;
  // nothing was used before
  const used = values.filter((value) => value.includes('first_use(') && value.endsWith(' fails|'));
  return [
    ...used.map((fails) => `(not ${fails})`),
    ...(has('state risk') ? [equal('|state risk|', String(level))] : []),
    ...(has('state provenance is known')
      ? [
          equal('|state provenance is known|', String(provenance !== undefined)),
          equal('|state provenance is trusted|', String(provenance === 'trusted')),
        ]
      : []),
  ];
}
