/** Differences of what is no role: capabilities, change freezes, sources. */
import { stopsActions } from '../decide/freezes.ts';
import { capabilityText, freezeText, readsDestructive, sourcesText } from '../decide/hash.ts';
import type { Capability, Freeze, PolicySet, Sources } from '../model.ts';
import type { DifferenceItem, Direction } from './types.ts';
import { listed } from './words.ts';

export function capabilityItems(before: PolicySet, after: PolicySet): readonly DifferenceItem[] {
  const readsClass = readsDestructive(before) || readsDestructive(after);
  const byName = ({ capabilities }: PolicySet) => new Map(capabilities.map((each) => [each.name, each]));
  const [old, now] = [byName(before), byName(after)];
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((name) => {
    const item = (direction: Direction, sentence: string) => ({
      kind: 'capability' as const,
      origin: name,
      direction,
      sentence,
      action: name,
    });
    const [was, is] = [old.get(name), now.get(name)];
    if (was === undefined || is === undefined) {
      if (is !== undefined) return [item('changes', `the capability ${name} is declared: ${capabilityInWords(is)}`)];
      return was === undefined ? [] : [item('changes', `the capability ${name} is no longer declared`)];
    }
    const parts = capabilityChanges(was, is, readsClass);
    const isOther = capabilityText(was, readsClass) !== capabilityText(is, readsClass);
    if (isOther) return [item('changes', `${name} ${listed(parts, 'and')}`)];
    return parts.length === 0 ? [] : [item('neutral', `${name} ${listed(parts, 'and')}`)];
  });
}

function capabilityInWords({ access, destructive, impact }: Capability): string {
  const units = Object.keys(impact).map((unit) => unit.replaceAll('_', ' '));
  const spends = units.length === 0 ? '' : `, which spends ${listed(units, 'and')}`;
  return `${destructive ? 'a destructive ' : 'a '}${access}${spends}`;
}

function capabilityChanges(was: Capability, is: Capability, readsClass: boolean): readonly string[] {
  const changes: string[] = [];
  if (was.access !== is.access) changes.push(`counts as a ${is.access} instead of a ${was.access}`);
  if (was.destructive !== is.destructive)
    changes.push(
      `${is.destructive ? 'counts as destructive' : 'no longer counts as destructive'}${readsClass ? '' : ', which no freeze asks about'}`,
    );
  for (const unit of [...new Set([...Object.keys(was.impact), ...Object.keys(is.impact)])].sort()) {
    const [old, now] = [was.impact[unit], is.impact[unit]];
    const name = unit.replaceAll('_', ' ');
    if (old === undefined) changes.push(`spends ${name}`);
    else if (now === undefined) changes.push(`no longer spends ${name}`);
    else if (JSON.stringify(old) !== JSON.stringify(now)) changes.push(`has its ${name} found in another way`);
  }
  if (was.reference !== is.reference) changes.push('has its reference at the tool found in another way');
  if (was.description !== is.description) changes.push('is described otherwise');
  if (JSON.stringify(was.inputSchema) !== JSON.stringify(is.inputSchema))
    changes.push('has another schema of arguments');
  return changes;
}

/** One that stops no action decides nothing here: it is of changes of policy. */
export function freezeItems(before: PolicySet, after: PolicySet): readonly DifferenceItem[] {
  const [old, now] = [before.freezes ?? [], after.freezes ?? []];
  const deciding = (freezes: readonly Freeze[]) => new Set(freezes.filter(stopsActions).map(freezeText));
  const [oldTexts, nowTexts] = [deciding(old), deciding(now)];
  return [...new Set([...old, ...now].map(({ name }) => name))].sort().flatMap((name) => {
    const item = (direction: Direction, sentence: string) => [
      { kind: 'freeze' as const, origin: name, direction, sentence: `the change freeze ${name} ${sentence}` },
    ];
    const [was, is] = [old.find((each) => each.name === name), now.find((each) => each.name === name)];
    const isGone = was !== undefined && stopsActions(was) && !nowTexts.has(freezeText(was));
    const isNew = is !== undefined && stopsActions(is) && !oldTexts.has(freezeText(is));
    if (is !== undefined && was !== undefined) {
      if (isGone && isNew) return item(freezeDirection(was, is), freezeChange(was, is));
      if (isGone || isNew) return item(isGone ? 'widens' : 'narrows', freezeChange(was, is));
      return was.sentence === is.sentence ? [] : item('neutral', freezeChange(was, is));
    }
    if (is !== undefined) return item(isNew ? 'narrows' : 'neutral', `comes in: ${bare(is.sentence)}`);
    return was === undefined ? [] : item(isGone ? 'widens' : 'neutral', `is gone: ${bare(was.sentence)}`);
  });
}

function bare(sentence: string): string {
  return sentence.replace(/\.$/, '');
}

function freezeDirection(was: Freeze, is: Freeze): Direction {
  const frame = ({ timeZone, starts, ends, repeats, scope }: Freeze) =>
    JSON.stringify([timeZone, starts, ends, repeats, scope]);
  if (frame(was) !== frame(is)) return 'changes';
  const texts = ({ overrides }: Freeze) => overrides.map(({ fromMs, untilMs }) => `${fromMs} ${untilMs}`);
  const [old, now] = [texts(was), texts(is)];
  if (now.every((each) => old.includes(each))) return 'narrows';
  return old.every((each) => now.includes(each)) ? 'widens' : 'changes';
}

function freezeChange(was: Freeze, is: Freeze): string {
  if (was.sentence !== is.sentence) return `reads “${is.sentence}” instead of “${was.sentence}”`;
  return `has ${is.overrides.length} overrides instead of ${was.overrides.length}`;
}

export function sourcesItems({ sources: was }: PolicySet, { sources: is }: PolicySet): readonly DifferenceItem[] {
  if (sourcesText(was) === sourcesText(is)) return [];
  const changes = [...listChange(was, is, 'trusted'), ...listChange(was, is, 'untrusted')];
  const unmarked = (sources: Sources | undefined) => sources?.unmarked ?? 'untrusted';
  if (unmarked(was) !== unmarked(is)) changes.push(`what is not marked is ${unmarked(is)}`);
  const sentence = `content: ${changes.length === 0 ? 'sources are marked where none were' : changes.join('; ')}`;
  return [{ kind: 'sources', origin: 'sources', direction: 'changes', sentence }];
}

function listChange(was: Sources | undefined, is: Sources | undefined, mark: 'trusted' | 'untrusted'): string[] {
  const [old, now] = [was?.[mark] ?? [], is?.[mark] ?? []];
  const more = now.filter((each) => !old.includes(each));
  const less = old.filter((each) => !now.includes(each));
  return [
    ...(more.length === 0 ? [] : [`what ${listed(more, 'and')} bring is marked as ${mark}`]),
    ...(less.length === 0 ? [] : [`what ${listed(less, 'and')} bring is no longer marked as ${mark}`]),
  ];
}
