/** Conditions of guards and of questions, as terms: the tests of decide/condition.ts. */
import { boundsOf, scaled } from '../decide/condition.ts';
import { moneyUnitOf, type Spending } from '../decide/measure.ts';
import { type Field, readField } from '../documents/fields.ts';
import { covers } from '../documents/names.ts';
import { RISK_LEVELS } from '../documents/operands.ts';
import type { Capability, Condition, JsonValue, Operator } from '../model.ts';
import { isObject, itemsOf } from '../values/json.ts';
import { currencyOf, exponentOf, unitOf } from '../values/money.ts';
import { type Amount, amountOf, compareAmount, compared, moneyOf } from './amounts.ts';
import type { Leaf, Reading, ValueNode } from './arguments.ts';
import { stepsOf } from './decimals.ts';
import { isExpressible } from './languages.ts';
import type { Script } from './script.ts';
import { and, equal, FALSE, implies, integer, not, or, type Term, TRUE } from './smt.ts';
import { Texts } from './texts.ts';
import { allOf, answered, anyOf, known, negated, oneVoice, type Truth, UNKNOWN } from './truth.ts';

export type TestCondition = Extract<Condition, { readonly field: string }>;

/** Names under which the mail and the money of a call go, in any case; one more spelling of each stands for all others. */
const RECIPIENTS = ['to', 'cc', 'bcc', 'TO', 'CC'] as const;
const PAYEES = ['to', 'payee', 'recipient', 'TO', 'PAYEE'] as const;

/** Lists of more values may go to no counter at all: the engine tells a hundred apart. */
const MAX_COUNTED = 10;

/** Of one capability, whose call is not known yet. */
export class Conditions {
  readonly capability: string;
  readonly declared: Capability | undefined;
  readonly args: ValueNode;
  readonly script: Script;
  readonly texts: Texts;
  readonly #amounts = new Map<string, Amount>();
  #unclear = 0;

  constructor(
    capability: string,
    declared: Capability | undefined,
    args: ValueNode,
    script: Script,
    constants: readonly string[],
  ) {
    this.capability = capability;
    this.declared = declared;
    this.args = args;
    this.script = script;
    this.texts = new Texts(script, constants);
  }

  /** `origin` is the role that carries the guard, or `workspace`. */
  truthOf(condition: Condition, origin: string): Truth {
    if ('all' in condition) return allOf(condition.all.map((part) => this.truthOf(part, origin)));
    if ('any' in condition) return anyOf(condition.any.map((part) => this.truthOf(part, origin)));
    if ('not' in condition) return negated(this.truthOf(condition.not, origin));
    const field = readField(condition.field)?.field;
    if (field === undefined) return this.unclear(`the field ${condition.field}`);
    return this.#test(field, condition, origin);
  }

  /** Whether the call says anything of what the test reads; more than it may say, never less. */
  isGiven({ field: name, operator, operand }: TestCondition): Term {
    const field = readField(name)?.field;
    if (operator === 'exists') return TRUE;
    switch (field?.kind) {
      case 'amount':
        return not(this.#amountRead(operator, operand)?.isMissing ?? this.args.child('amount').is('missing'));
      case 'argument': {
        const { given, leaves } = this.args.read(field.path);
        return operator === 'contains' ? given : and([given, anyThere(leaves)]);
      }
      case 'recipientDomains':
        return anyThere(this.#recipients());
      case 'payee':
        return anyThere(this.payees().leaves);
      default:
        return TRUE;
    }
  }

  /** Amount of a unit, declared or taken; each once. */
  amount(unit: string, spending: Spending): Amount {
    const id = `${unit} ${spending}`;
    const held = this.#amounts.get(id);
    if (held !== undefined) return held;
    const amount = amountOf(unit, spending, this.declared, this.args, this.script, this.texts);
    this.#amounts.set(id, amount);
    return amount;
  }

  /** Values of the payees. */
  payees(): Reading {
    const nodes = PAYEES.map((name) => this.args.child(name));
    return {
      given: or(nodes.map(({ isGiven }) => isGiven)),
      leaves: nodes.flatMap(({ leaves }) => leaves),
      lists: nodes,
    };
  }

  /** Whether the call says which counter it goes to. */
  hasCounter(per: string | undefined): Term {
    if (per === undefined || per === 'action' || per === 'session') return TRUE;
    const { script, args, texts } = this;
    const field = readField(per)?.field;
    const { given, leaves, lists } = field?.kind === 'argument' ? args.read(field.path) : this.payees();
    const name = `counter of ${per}`;
    const isNew = !script.isNamed(name);
    const has = script.declare(name, 'Bool');
    if (!isNew) return has;
    const isSpelled = and([
      given,
      or(leaves.map(({ isThere }) => isThere)),
      ...leaves.map(({ isThere, node }) =>
        implies(
          isThere,
          or([node.is('number'), node.is('boolean'), and([node.is('text'), texts.hasSpelling(node.text)])]),
        ),
      ),
    ]);
    const isShort = and(lists.map((list) => or([not(list.is('list')), `(<= ${list.length} ${MAX_COUNTED})`])));
    script.assert(implies(has, isSpelled));
    script.assert(implies(and([isSpelled, isShort]), has));
    return has;
  }

  /** An answer of any kind, for what cannot be said exactly. */
  unclear(why: string): Truth {
    this.script.widened.add(`${why} is not translated`);
    this.#unclear += 1;
    const holds = this.script.declare(`unclear ${this.#unclear} holds`, 'Bool');
    const fails = this.script.declare(`unclear ${this.#unclear} fails`, 'Bool');
    this.script.assert(not(and([holds, fails])));
    return { holds, fails };
  }

  #test(field: Field, condition: TestCondition, origin: string): Truth {
    const { operator, operand } = condition;
    switch (field.kind) {
      case 'action': {
        const isCovered = itemsOf(operand).some((pattern) => covers(String(pattern), this.capability));
        return known(String(isCovered !== (operator === 'ne' || operator === 'notIn')));
      }
      case 'recipientDomains':
        return this.#recipientTest(operator, operand);
      case 'payee':
        return this.#payeeTest(operator, operand);
      case 'amount':
        return this.#amountTest(operator, operand);
      case 'argument': {
        const reading = this.args.read(field.path);
        if (operator === 'exists') return known(operand === true ? reading.given : not(reading.given));
        const isEach = field.path.some(({ each }) => each);
        if (operator === 'contains') return this.#contains(reading, field, operand, isEach);
        return this.#voices(reading.leaves, reading.given, (node) => this.#valueTest(node, operator, operand));
      }
      case 'risk':
        return this.#riskTest(operator, operand);
      case 'provenance':
        return this.#provenanceTest(operator, operand);
      case 'prerequisite':
        return this.#state(`${condition.field} ${JSON.stringify(operand)}`, this.#bound(operand));
      case 'firstUse':
        return this.#state(`${origin} ${condition.field} ${JSON.stringify(operand)}`, this.hasCounter(field.of));
      default:
        return this.unclear(condition.field);
    }
  }

  #voices(leaves: readonly Leaf[], given: Term, test: (node: ValueNode) => Truth): Truth {
    const voices = leaves.map(({ isThere, node }) => ({ isThere, truth: test(node) }));
    return oneVoice(voices, and([given, anyThere(leaves)]));
  }

  /** An empty text beside the lists is nobody. */
  #recipients(): readonly Leaf[] {
    return RECIPIENTS.flatMap((name) => {
      const node = this.args.child(name);
      return node.leaves.map((leaf) =>
        leaf.node === node
          ? { node, isThere: and([leaf.isThere, not(and([node.is('text'), this.texts.is(node.text, '')]))]) }
          : leaf,
      );
    });
  }

  #recipientTest(operator: Operator, operand: JsonValue): Truth {
    const leaves = this.#recipients();
    if (operator === 'exists') return known(operand === true ? anyThere(leaves) : not(anyThere(leaves)));
    const domains = itemsOf(operand).map(String);
    const truth = this.#voices(leaves, TRUE, (node) => ofText(node, this.texts.isWrittenTo(node.text, domains)));
    return operator === 'ne' || operator === 'notIn' ? negated(truth) : truth;
  }

  #payeeTest(operator: Operator, operand: JsonValue): Truth {
    const { given, leaves } = this.payees();
    if (operator === 'exists') return known(operand === true ? given : not(given));
    const isEmpty = or(
      PAYEES.map((name) => this.args.child(name)).map((node) => and([node.is('list'), equal(node.length, '0')])),
    );
    const truth = this.#voices(leaves, given, (node) => this.#valueTest(node, operator, operand));
    // one empty list leaves the whole unknown
    return { holds: and([not(isEmpty), truth.holds]), fails: and([not(isEmpty), truth.fails]) };
  }

  #valueTest(node: ValueNode, operator: Operator, operand: JsonValue): Truth {
    const why = `${operator} ${JSON.stringify(operand)}`;
    const onText = (truth: Truth | undefined): Truth => (truth === undefined ? this.unclear(why) : ofText(node, truth));
    switch (operator) {
      case 'eq':
      case 'in':
        return this.#memberTest(node, itemsOf(operand));
      case 'ne':
      case 'notIn':
        return negated(this.#memberTest(node, itemsOf(operand)));
      case 'lt':
      case 'lte':
      case 'gt':
      case 'gte':
      case 'between':
        return this.#orderTest(node, operator, operand);
      case 'startsWith':
        return onText(this.texts.startsWith(node.text, String(operand)));
      case 'endsWith':
        return onText(this.texts.endsWith(node.text, String(operand)));
      case 'domainIn':
        return onText(this.texts.leadsTo(node.text, itemsOf(operand).map(String)));
      case 'pathUnder':
        return onText(this.texts.isUnder(node.text, itemsOf(operand).map(String)));
      case 'matches':
        return onText(this.texts.matches(node.text, String(operand)));
      default:
        return this.unclear(why);
    }
  }

  #memberTest(node: ValueNode, items: readonly JsonValue[]): Truth {
    switch (typeof (items[0] ?? '')) {
      case 'string': {
        const truth = this.texts.isOneOf(node.text, items.map(String));
        return truth === undefined ? this.unclear(`in ${JSON.stringify(items)}`) : ofText(node, truth);
      }
      case 'number': {
        const isOne = items.map((item) => compared(node.steps, node.finer, 'eq', [Number(item)]));
        const exact = isOne.filter((term) => term !== undefined);
        if (exact.length < isOne.length) return this.unclear(`in ${JSON.stringify(items)}`);
        return answered(node.is('number'), or(exact));
      }
      case 'boolean':
        return answered(node.is('boolean'), or(items.map((item) => equal(node.boolean, String(item)))));
      default:
        return this.unclear(`in ${JSON.stringify(items)}`);
    }
  }

  #orderTest(node: ValueNode, operator: Operator, operand: JsonValue): Truth {
    const { numbers, currency } = boundsOf(operand);
    const truth =
      currency === undefined
        ? numberTest(node, operator, numbers)
        : compareAmount(moneyOf(node, exponentOf(currency) ?? 0, this.texts), operator, numbers);
    return truth ?? this.unclear(`${operator} ${JSON.stringify(operand)}`);
  }

  #contains(
    { given, leaves }: Reading,
    field: Extract<Field, { kind: 'argument' }>,
    operand: JsonValue,
    isEach: boolean,
  ): Truth {
    const isIn = or(leaves.map(({ isThere, node }) => and([isThere, this.#isExactly(node, operand)])));
    if (isEach) return answered(given, isIn);
    const node = field.path.reduce((at, { name }) => at.child(name), this.args);
    const inText = typeof operand === 'string' ? this.texts.contains(node.text, operand) : UNKNOWN;
    if (inText === undefined) return this.unclear(`contains ${JSON.stringify(operand)}`);
    const [inList, inWords] = [answered(node.is('list'), isIn), ofText(node, inText)];
    return { holds: or([inList.holds, inWords.holds]), fails: or([inList.fails, inWords.fails]) };
  }

  #isExactly(node: ValueNode, operand: JsonValue): Term {
    if (typeof operand === 'string')
      return isExpressible(operand)
        ? and([node.is('text'), this.texts.is(node.text, operand)])
        : this.unclear('contains').holds;
    if (typeof operand === 'boolean') return and([node.is('boolean'), equal(node.boolean, String(operand))]);
    const isIt = compared(node.steps, node.finer, 'eq', [Number(operand)]);
    return isIt === undefined ? this.unclear('contains').holds : and([node.is('number'), isIt]);
  }

  /** Undefined where the bare argument is compared. */
  #amountRead(operator: Operator, operand: JsonValue): Amount | undefined {
    const currency = operator === 'exists' ? undefined : boundsOf(operand).currency;
    const unit = moneyUnitOf(this.declared);
    const declared = unit === undefined ? undefined : currencyOf(unit);
    const asked = currency ?? declared;
    if (asked === undefined) return undefined;
    return this.amount(unitOf(asked), spendingOfAmount(asked, declared));
  }

  #amountTest(operator: Operator, operand: JsonValue): Truth {
    const read = this.#amountRead(operator, operand);
    const bare = this.args.child('amount');
    if (operator === 'exists') {
      const isThere = read === undefined ? bare.isGiven : not(read.isMissing);
      return known(operand === true ? isThere : not(isThere));
    }
    const { numbers, currency } = boundsOf(operand);
    const why = `amount ${operator} ${JSON.stringify(operand)}`;
    if (read === undefined) {
      const truth = numberTest(bare, operator, numbers);
      if (truth === undefined) return this.unclear(why);
      const isPositive = `(>= ${bare.steps} 0)`;
      return { holds: and([isPositive, truth.holds]), fails: and([isPositive, truth.fails]) };
    }
    const own = currencyOf(moneyUnitOf(this.declared) ?? '') ?? '';
    const bounds = currency === undefined ? numbers.map((bound) => scaled(bound, own)) : numbers;
    return compareAmount(read, operator, bounds) ?? this.unclear(why);
  }

  /** Places of the levels, from 0; the state knows one or does not. */
  #riskTest(operator: Operator, operand: JsonValue): Truth {
    const name = 'state risk';
    const isNew = !this.script.isNamed(name);
    const level = this.script.declare(name, 'Int');
    if (isNew) {
      this.script.assert(`(<= (- 1) ${level} ${RISK_LEVELS.length - 1})`);
      this.script.prefer(`(>= ${level} 0)`);
    }
    const places = itemsOf(operand).map((each) => RISK_LEVELS.indexOf(String(each)));
    const isListed = or(places.map((place) => equal(level, String(place))));
    const steps = `(* ${integer(stepsOf(1)?.steps ?? 1n)} ${level})`;
    const holds =
      operator === 'in' ? isListed : operator === 'notIn' ? not(isListed) : compared(steps, FALSE, operator, places);
    return holds === undefined ? this.unclear('risk') : answered(`(>= ${level} 0)`, holds);
  }

  #provenanceTest(operator: Operator, operand: JsonValue): Truth {
    const isKnown = this.script.declare('state provenance is known', 'Bool');
    const isTrusted = this.script.declare('state provenance is trusted', 'Bool');
    this.script.prefer(isKnown);
    const isWanted = (operand === 'trusted') === (operator === 'eq');
    return answered(isKnown, isWanted ? isTrusted : not(isTrusted));
  }

  /** What earlier calls answer: anything. */
  #state(name: string, canBeKnown: Term): Truth {
    const holds = this.script.declare(`state ${name} holds`, 'Bool');
    const fails = this.script.declare(`state ${name} fails`, 'Bool');
    this.script.assert(not(and([holds, fails])));
    this.script.assert(implies(or([holds, fails]), canBeKnown));
    this.script.prefer(or([holds, fails]));
    return { holds, fails };
  }

  /** The bound arguments are single plain values. */
  #bound(operand: JsonValue): Term {
    const bind = isObject(operand) && isObject(operand.bind) ? operand.bind : {};
    const nodes = Object.values(bind).map((path) =>
      String(path)
        .split('.')
        .reduce((at, name) => at.child(name), this.args),
    );
    return and(nodes.map((node) => or([node.is('text'), node.is('number'), node.is('boolean')])));
  }
}

export function spendingOfAmount(asked: string, declared: string | undefined): Spending {
  if (declared === undefined) return 'amount';
  return asked === declared ? 'declared' : 'otherCurrency';
}

function anyThere(leaves: readonly Leaf[]): Term {
  return or(leaves.map(({ isThere }) => isThere));
}

function ofText(node: ValueNode, truth: Truth): Truth {
  const isText = node.is('text');
  return { holds: and([isText, truth.holds]), fails: and([isText, truth.fails]) };
}

function numberTest(node: ValueNode, operator: Operator, bounds: readonly number[]): Truth | undefined {
  const holds = compared(node.steps, node.finer, operator, bounds);
  return holds === undefined ? undefined : answered(node.is('number'), holds);
}

/** Texts that a condition compares with. */
export function textsIn(condition: Condition): readonly string[] {
  if ('not' in condition) return textsIn(condition.not);
  if ('all' in condition) return condition.all.flatMap(textsIn);
  if ('any' in condition) return condition.any.flatMap(textsIn);
  return itemsOf(condition.operand).filter((item) => typeof item === 'string');
}

export function testsIn(condition: Condition): readonly TestCondition[] {
  if ('not' in condition) return testsIn(condition.not);
  if ('all' in condition) return condition.all.flatMap(testsIn);
  if ('any' in condition) return condition.any.flatMap(testsIn);
  return [condition];
}
