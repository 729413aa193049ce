/** Rules as they are in force in a workspace: those that are shipped, as it has set them, and its own. */
import { type Level, loadRules, type Rule, type RuleFile, shippedRules } from '@hivekey/detections';
import { Failure } from '../errors.ts';
import { DEFAULT_DOCUMENT, type DetectionDocument } from './document.ts';

/** What is set, and in which version; `null`: nothing is, it is as it is shipped. */
export interface Setting {
  readonly document: DetectionDocument;
  readonly version: number | null;
}

/** By name. Of shipped rules only those about which anything is set. */
export type Settings = ReadonlyMap<string, Setting>;

export interface Detection extends Setting {
  /** The reference of a shipped rule, or as the workspace calls its own. */
  readonly name: string;
  readonly isShipped: boolean;
  /** Those that can run, with severity and suppression as they are set. A file may hold several. */
  readonly rules: readonly Rule[];
  /** Why it does not run, in words. */
  readonly problem: string | null;
}

const SHIPPED: readonly RuleFile[] = shippedRules();
const SHIPPED_RULES: readonly Rule[] = loadRules(SHIPPED).rules;
const BY_REF: ReadonlyMap<string, Rule> = new Map(SHIPPED_RULES.map((rule) => [rule.document.ref, rule]));

export function isShipped(name: string): boolean {
  return BY_REF.has(name);
}

/** What was loaded lately, by what was set: loading reads all rules anew, and every list of them asks for it. */
const loaded = new Map<string, readonly Detection[]>();
const MAX_LOADED = 32;

/** Shipped ones first, each by name. A rule with a problem is left out of its detection, and keeps no other from running. */
export function loadDetections(settings: Settings): readonly Detection[] {
  const key = JSON.stringify([...settings].map(([name, { document, version }]) => [name, version, document]).sort());
  const known = loaded.get(key);
  if (known !== undefined) return known;
  const detections = load(settings);
  const [oldest] = loaded.keys();
  if (loaded.size >= MAX_LOADED && oldest !== undefined) loaded.delete(oldest);
  loaded.set(key, detections);
  return detections;
}

function load(settings: Settings): readonly Detection[] {
  const own = [...settings].filter(([name]) => !isShipped(name)).sort(([a], [b]) => (a < b ? -1 : 1));
  const files = own.map(([name, { document }]): RuleFile => ({ name, text: document.sigma ?? '' }));
  const parameters = Object.fromEntries(
    [...settings].flatMap(([name, { document }]) => {
      const rule = BY_REF.get(name);
      return rule === undefined ? [] : [[rule.document.id, document.parameters]];
    }),
  );
  const { rules, problems } = loadRules([...SHIPPED, ...files], { parameters });
  const problemOf = (file: string): string | null => {
    const found = problems.find((problem) => problem.file === file);
    return found === undefined ? null : found.message;
  };
  const shipped = [...BY_REF].map(([name, { file }]): Detection => {
    const setting = settings.get(name) ?? { document: DEFAULT_DOCUMENT, version: null };
    const running = rules.filter(({ document }) => document.ref === name);
    return {
      ...setting,
      name,
      isShipped: true,
      rules: running.map((rule) => asSet(rule, setting.document)),
      problem: running.length === 0 ? (problemOf(file) ?? 'it cannot be loaded') : null,
    };
  });
  const workspaces = own.map(([name, setting]): Detection => {
    const running = rules.filter(({ file }) => file === name);
    return {
      ...setting,
      name,
      isShipped: false,
      rules: running.map((rule) => asSet(rule, setting.document)),
      problem: problemOf(name) ?? (running.length === 0 ? 'it holds no rule that fires' : null),
    };
  });
  return [...shipped.sort((a, b) => (a.name < b.name ? -1 : 1)), ...workspaces];
}

function asSet(rule: Rule, { suppression_seconds: seconds, severity }: DetectionDocument): Rule {
  if (seconds === undefined && severity === undefined) return rule;
  const { document } = rule;
  return {
    ...rule,
    document: {
      ...document,
      suppressionSeconds: seconds ?? document.suppressionSeconds,
      level: severity ?? document.level,
    },
  };
}

/** Where the workspace says nothing, what the rule, or the clause of it, says. */
export function severityOf({ document }: Setting, level: Level): Level {
  return document.severity ?? level;
}

/** Throws `detection_invalid` for what could not run beside `others`, and for what such a rule never does. */
export function checkDetection(name: string, document: DetectionDocument, others: Settings = new Map()): void {
  const refuse = (cause: string, remedy: string): never => {
    throw new Failure(422, 'detection_invalid', `The detection "${name}" is not valid: ${cause}.`, remedy);
  };
  if (isShipped(name) && document.sigma !== undefined)
    refuse('it is a rule that is shipped', 'Leave out sigma, or give a rule of your own another name.');
  if (!isShipped(name) && document.sigma === undefined)
    refuse('no rule of that name is shipped, and it has none of its own', 'Write the rule under sigma.');
  if (!isShipped(name) && Object.keys(document.parameters).length > 0)
    refuse('a rule of the workspace’s own has no parameters', 'Write the numbers into the rule.');
  const all = new Map([...others, [name, { document, version: null }]]);
  const checked = loadDetections(all).find((each) => each.name === name);
  if (checked === undefined || checked.problem !== null)
    refuse(checked?.problem ?? 'it cannot be loaded', 'Try it with hivekey detections lint.');
  if (document.action.kind !== 'none' && checked?.rules.some((rule) => rule.document.learned))
    refuse('it rests on a learned baseline, and informs alone', 'Set its action to none.');
}
