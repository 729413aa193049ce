import { Autocomplete, Checkbox, NumberInput, Select, TagsInput, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { capabilitiesQuery } from '../../../api/queries.ts';
import classes from './builder.module.css';
import { fieldsOf, patternsFor, unitsOf } from './choices.ts';
import {
  type RuleForm,
  TEST_OPERATORS,
  type TestForm,
  type TestOperator,
  takesList,
  WINDOW_SCOPES,
  type WindowForm,
} from './rule-form.ts';

const OPERATOR_WORDS: Readonly<Record<TestOperator, string>> = {
  eq: 'is',
  ne: 'is not',
  in: 'is one of',
  notIn: 'is none of',
  lt: 'is less than',
  lte: 'is at most',
  gt: 'is more than',
  gte: 'is at least',
  startsWith: 'begins with',
  endsWith: 'ends with',
  contains: 'contains',
  domainIn: 'leads to a domain of',
  pathUnder: 'is a path under',
  matches: 'matches the pattern',
  exists: 'is given',
};
const VERDICTS = [
  { value: 'allow', label: 'allow' },
  { value: 'deny', label: 'deny' },
  { value: 'review', label: 'ask a person' },
];
const SCOPE_WORDS = { agent: 'each agent', role: 'all of the role', owner: 'each owner', workspace: 'the workspace' };
const LENGTHS = ['1m', '1h', '24h', '7d', '30d'];
const TRUTH = [
  { value: 'true', label: 'yes' },
  { value: 'false', label: 'no' },
];

/** A rule as a sentence with gaps. Every change is one of the draft; what is wrong with it is said beside the document. */
export function RuleFields({
  form,
  onChange,
}: {
  readonly form: RuleForm;
  readonly onChange: (form: RuleForm) => void;
}) {
  const { data: capabilities = [] } = useQuery(capabilitiesQuery);
  const isWindow = form.kind === 'window';
  const holds = form.effect === 'review' || form.otherwise === 'review';
  return (
    <div className={classes.rule}>
      <div className={classes.gaps}>
        <span>When an agent calls</span>
        <Autocomplete
          aria-label="Capability or namespace"
          data={patternsFor(capabilities)}
          limit={50}
          value={form.action}
          onChange={(action) => onChange({ ...form, action })}
          w={210}
        />
        {isWindow ? (
          <WindowGaps form={form} onChange={onChange} units={unitsOf(capabilities, form.action)} />
        ) : (
          <TestGaps form={form} onChange={onChange} fields={fieldsOf(capabilities, form.action)} />
        )}
      </div>
      <div className={classes.gaps}>
        <span>{isWindow ? 'Within that' : 'Then'}</span>
        <VerdictSelect label="Then" value={form.effect} onChange={(effect) => onChange({ ...form, effect })} />
        <span>{isWindow ? '; beyond it' : '; otherwise'}</span>
        <VerdictSelect
          label="Otherwise"
          value={form.otherwise}
          onChange={(otherwise) => onChange({ ...form, otherwise })}
        />
      </div>
      {holds ? <ApprovalGaps form={form} onChange={onChange} /> : null}
      <div className={classes.gaps}>
        <span>Its name in decisions and in the log</span>
        <TextInput
          aria-label="Id"
          value={form.id}
          spellCheck={false}
          onChange={(event) => onChange({ ...form, id: event.currentTarget.value })}
          w={200}
        />
        <Checkbox
          label="in shadow: recorded, not enforced"
          checked={form.isShadow}
          onChange={(event) => onChange({ ...form, isShadow: event.currentTarget.checked })}
        />
      </div>
    </div>
  );
}

function VerdictSelect({
  label,
  value,
  onChange,
}: {
  readonly label: string;
  readonly value: RuleForm['effect'];
  readonly onChange: (value: RuleForm['effect']) => void;
}) {
  return (
    <Select
      aria-label={label}
      data={VERDICTS}
      allowDeselect={false}
      value={value}
      onChange={(next) => next !== null && onChange(next as RuleForm['effect'])}
      w={130}
    />
  );
}

function TestGaps({
  form,
  onChange,
  fields,
}: {
  readonly form: TestForm;
  readonly onChange: (form: RuleForm) => void;
  readonly fields: readonly string[];
}) {
  const { operator, operand } = form;
  return (
    <>
      <span>and</span>
      <Autocomplete
        aria-label="Field"
        data={[...fields]}
        value={form.field}
        onChange={(field) => onChange({ ...form, field })}
        w={150}
      />
      <Select
        aria-label="Operator"
        data={TEST_OPERATORS.map((value) => ({ value, label: OPERATOR_WORDS[value] }))}
        allowDeselect={false}
        value={operator}
        onChange={(next) => next !== null && onChange(withOperator(form, next as TestOperator))}
        w={170}
      />
      {takesList(operator) ? (
        <TagsInput
          aria-label="Values"
          className={classes.wide}
          value={typeof operand === 'string' ? [operand] : [...operand]}
          onChange={(values) => onChange({ ...form, operand: values })}
          acceptValueOnBlur
          placeholder="Value, then Enter"
        />
      ) : operator === 'exists' ? (
        <Select
          aria-label="Value"
          data={TRUTH}
          allowDeselect={false}
          value={String(operand)}
          onChange={(next) => next !== null && onChange({ ...form, operand: next })}
          w={90}
        />
      ) : (
        <TextInput
          aria-label="Value"
          value={String(operand)}
          spellCheck={false}
          onChange={(event) => onChange({ ...form, operand: event.currentTarget.value, isText: false })}
          w={160}
        />
      )}
    </>
  );
}

/** What was typed stays where it can. */
function withOperator(form: TestForm, operator: TestOperator): TestForm {
  const { operand } = form;
  const first = typeof operand === 'string' ? operand : (operand[0] ?? '');
  if (operator === 'exists') return { ...form, operator, operand: 'true' };
  if (!takesList(operator)) return { ...form, operator, operand: first };
  return { ...form, operator, operand: typeof operand === 'string' ? (first === '' ? [] : [first]) : operand };
}

function WindowGaps({
  form,
  onChange,
  units,
}: {
  readonly form: WindowForm;
  readonly onChange: (form: RuleForm) => void;
  readonly units: readonly string[];
}) {
  const { sum, scope, over, per } = form;
  return (
    <>
      <span>at most</span>
      <TextInput
        aria-label="Limit"
        value={form.limit}
        placeholder={sum === undefined ? '20' : '$500'}
        spellCheck={false}
        onChange={(event) => onChange({ ...form, limit: event.currentTarget.value })}
        w={100}
      />
      <Select
        aria-label="What is counted"
        data={[{ value: 'calls', label: 'calls' }, ...withValue(units, sum)]}
        allowDeselect={false}
        value={sum ?? 'calls'}
        onChange={(next) => next !== null && onChange({ ...form, sum: next === 'calls' ? undefined : next })}
        w={150}
      />
      <span>in any</span>
      <Autocomplete
        aria-label="Window"
        data={LENGTHS}
        value={form.length}
        onChange={(length) => onChange({ ...form, length })}
        w={80}
      />
      <span>for</span>
      <Select
        aria-label="Who shares it"
        data={WINDOW_SCOPES.map((value) => ({ value, label: SCOPE_WORDS[value] }))}
        allowDeselect={false}
        value={scope}
        onChange={(next) => next !== null && onChange({ ...form, scope: next as WindowForm['scope'] })}
        w={140}
      />
      <span>over the calls of</span>
      <TagsInput
        aria-label="Calls that are counted"
        className={classes.wide}
        value={[...over]}
        onChange={(next) => onChange({ ...form, over: next })}
        acceptValueOnBlur
        placeholder={over.length === 0 ? `${form.action} alone` : ''}
      />
      <span>and apart for each</span>
      <TextInput
        aria-label="Apart for each"
        value={per}
        placeholder="nothing"
        spellCheck={false}
        onChange={(event) => onChange({ ...form, per: event.currentTarget.value })}
        w={110}
      />
      <Checkbox
        label="only what no person approved"
        checked={form.unattended}
        onChange={(event) => onChange({ ...form, unattended: event.currentTarget.checked })}
      />
    </>
  );
}

function ApprovalGaps({ form, onChange }: { readonly form: RuleForm; readonly onChange: (form: RuleForm) => void }) {
  const { people = 1, groups = [], within = '1h' } = form.approval ?? {};
  const change = (next: { people?: number; groups?: readonly string[]; within?: string }): void => {
    const all = { people, groups, within, ...next };
    const isDefault = all.people === 1 && all.groups.length === 0 && all.within === '1h';
    const approval = {
      ...(all.people === 1 ? {} : { people: all.people }),
      ...(all.groups.length === 0 ? {} : { groups: all.groups }),
      ...(all.within === '1h' ? {} : { within: all.within }),
    };
    onChange({ ...form, approval: isDefault ? undefined : approval });
  };
  return (
    <div className={classes.gaps}>
      <span>Asked are</span>
      <NumberInput
        aria-label="People"
        min={1}
        max={10}
        value={people}
        onChange={(next) => change({ people: typeof next === 'number' ? next : 1 })}
        w={70}
      />
      <span>{people === 1 ? 'person' : 'people'}, among them of the groups</span>
      <TagsInput
        aria-label="Groups"
        className={classes.wide}
        value={[...groups]}
        onChange={(next) => change({ groups: next })}
        acceptValueOnBlur
        placeholder={groups.length === 0 ? 'any' : ''}
      />
      <span>within</span>
      <TextInput
        aria-label="Within"
        value={within}
        spellCheck={false}
        onChange={(event) => change({ within: event.currentTarget.value })}
        w={70}
      />
    </div>
  );
}

function withValue(units: readonly string[], value: string | undefined): readonly string[] {
  return value === undefined || units.includes(value) ? units : [...units, value];
}
