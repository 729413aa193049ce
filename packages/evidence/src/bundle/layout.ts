/** What a whole bundle holds (docs/guides/evidence.md), so that what is not in one can be said. */

interface Part {
  /** File, or folder with `/` at its end, relative to the folder of the item. */
  readonly path: string;
  readonly about: string;
}

interface ItemFolder {
  readonly folder: string;
  readonly title: string;
  readonly parts: readonly Part[];
}

const BUNDLE_LAYOUT: readonly ItemFolder[] = [
  {
    folder: '00_scope',
    title: 'Scope: what is covered, who does what, and what cannot be seen',
    parts: [
      {
        path: 'responsibilities.csv',
        about: 'per control, what the plane, the customer and the provider of a tool do',
      },
      { path: 'coverage-and-blind-spots.csv', about: 'what the plane sees, and what it cannot' },
      { path: 'policies/', about: 'the policy documents that were in force' },
    ],
  },
  {
    folder: '01_inventory',
    title: 'Agents',
    parts: [
      { path: 'agents.csv', about: 'every agent that was in force in the period' },
      { path: 'identities-seen-not-registered.csv', about: 'identities in the log that are not in the inventory' },
      { path: 'idp-reconciliation.csv', about: 'owners against the identity provider' },
    ],
  },
  {
    folder: '02_roles',
    title: 'Roles, capabilities and guards',
    parts: [
      { path: 'roles.csv', about: 'versions of roles that were in force' },
      { path: 'role-capability-guard.csv', about: 'one row per role, capability and guard' },
      { path: 'history/', about: 'documents of the versions' },
    ],
  },
  {
    folder: '03_matrix',
    title: 'Roles against capabilities, by calling the decision engine',
    parts: [
      { path: 'matrix.pdf', about: 'the matrix on paper' },
      { path: 'matrix.svg', about: 'the matrix as a drawing' },
      { path: 'decision-sweep.jsonl', about: 'each decision the matrix is made of' },
    ],
  },
  {
    folder: '04_access-review',
    title: 'Access reviews',
    parts: [{ path: '', about: 'campaigns with population, items, decisions, remediation and sign-off' }],
  },
  {
    folder: '05_changes',
    title: 'Changes of what decides',
    parts: [
      { path: 'changes.csv', about: 'versions that came into force, with who asked and who approved' },
      { path: 'diffs/', about: 'what each of them changed' },
      { path: 'emergency.csv', about: 'emergency changes and their reviews' },
      { path: 'drift-checks.csv', about: 'checks of rows against the signed log' },
      { path: 'policy-hashes-in-log.csv', about: 'policies that calls were decided by, against approved ones' },
    ],
  },
  {
    folder: '06_approvals',
    title: 'Approvals',
    parts: [
      { path: 'approvals.csv', about: 'every held action and what became of it' },
      { path: 'views/', about: 'what the approver saw' },
      { path: 'authority-limits.csv', about: 'who may approve what' },
    ],
  },
  {
    folder: '07_action-log',
    title: 'The action log',
    parts: [
      { path: 'chain_index.csv', about: 'hashes of every entry, without a gap' },
      { path: 'checkpoints.jsonl', about: 'signed checkpoints of the period' },
      { path: 'entries/', about: 'the entries themselves' },
      { path: 'log/', about: 'what binds the entries to a signed checkpoint' },
      { path: 'daily-counts.csv', about: 'entries by day and verdict' },
      { path: 'tool-tie-out.csv', about: 'totals of the tools against those of the log' },
      { path: 'samples/', about: 'samples that were drawn, with a pack for each entry' },
    ],
  },
  {
    folder: '08_siem',
    title: 'Monitoring',
    parts: [
      { path: 'pipeline.json', about: 'where the log is sent, and how' },
      { path: 'delivery-ledger.csv', about: 'produced and accepted by day' },
      { path: 'rules/', about: 'the rules as they are written' },
      { path: 'rule-tests.csv', about: 'tests of the rules with injected events' },
      { path: 'alerts.csv', about: 'every alert and what became of it' },
    ],
  },
  {
    folder: '09_revocation',
    title: 'Revocations',
    parts: [
      { path: 'revocations.csv', about: 'stops, with a row per tool' },
      { path: 'drills.csv', about: 'rehearsals' },
      { path: 'per-tool-probes.csv', about: 'what a probe got after the stop' },
      { path: 'timeline.svg', about: 'the stop as a drawing' },
      { path: 'report.pdf', about: 'the stop on one page' },
    ],
  },
  { folder: '10_questions', title: 'The four questions', parts: [{ path: '', about: 'answers as evidence' }] },
  {
    folder: '11_readiness',
    title: 'Readiness',
    parts: [
      { path: 'readiness.json', about: 'states of the controls, as they were measured' },
      { path: 'readiness.pdf', about: 'the same on paper' },
      { path: 'oscal-assessment-results.json', about: 'the same in OSCAL' },
      { path: 'test-results.intoto.jsonl', about: 'the same as in-toto test results' },
      { path: 'deficiencies.csv', about: 'the register of deficiencies' },
    ],
  },
  { folder: '12_incidents', title: 'Incidents', parts: [{ path: '', about: 'incidents with their decisions' }] },
  {
    folder: '13_vendors-models-tools',
    title: 'Vendors, models and tools',
    parts: [{ path: '', about: 'tools and models that were connected, with their pins' }],
  },
  {
    folder: '14_engagements',
    title: 'Engagements',
    parts: [{ path: '', about: 'who was let in to audit, what they asked for and what they looked at' }],
  },
];

/** Of a folder; its own name for one that a report has and the layout does not. */
export function titleOf(folder: string): string {
  return BUNDLE_LAYOUT.find((each) => each.folder === folder)?.title ?? folder;
}

/** A part that is not there, and why. */
export interface Absent {
  readonly part: string;
  readonly why: string;
}

/**
 * Parts without a file. `isLeftOut`: folders whose reports were not asked for; a folder with other files has nothing of the part in the
 * period, as its header says.
 */
export function absentParts(paths: readonly string[], isLeftOut: (folder: string) => boolean): readonly Absent[] {
  return BUNDLE_LAYOUT.flatMap(({ folder, parts }) => {
    const within = paths.filter((path) => path.startsWith(`${folder}/`));
    return parts
      .filter(({ path }) =>
        path === '' ? within.length === 0 : !within.some((each) => isOf(each, `${folder}/${path}`)),
      )
      .map(({ path, about }) => ({
        part: `${folder}/${path} (${about})`,
        why: isLeftOut(folder)
          ? 'left out: the bundle was asked for with other reports'
          : within.length > 0
            ? 'nothing of it in this period, or not kept by this version'
            : 'no report of it in this version',
      }));
  });
}

function isOf(path: string, part: string): boolean {
  return part.endsWith('/') ? path.startsWith(part) : path === part;
}
