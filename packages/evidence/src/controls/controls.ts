/**
 * The twenty controls as data. `{name}` in a statement stands for a parameter whose value is read from the setting that the engine
 * enforces, so that what is written and what is measured are one value. How each is tested is in the server, beside the tables.
 */
import type { CriterionId } from './criteria.ts';

export const CONTROL_IDS = [
  'AG-01',
  'AG-02',
  'AG-03',
  'AG-04',
  'AG-05',
  'AG-06',
  'AG-07',
  'AG-08',
  'AG-09',
  'AG-10',
  'AG-11',
  'AG-12',
  'AG-13',
  'AG-14',
  'AG-15',
  'AG-16',
  'AG-17',
  'AG-18',
  'AG-19',
  'AG-20',
] as const;
export type ControlId = (typeof CONTROL_IDS)[number];

export const PARAMETERS = [
  'log_coverage_percent',
  'review_cycle',
  'stop_target',
  'leaver_hours',
  'change_mode',
  'drift_coverage_percent',
  'emergency_review',
  'checkpoint_copy_minutes',
  'alert_times',
  'incident_times',
] as const;
export type ParameterName = (typeof PARAMETERS)[number];

export interface Control {
  readonly id: ControlId;
  readonly title: string;
  readonly statement: string;
  readonly criteria: readonly CriterionId[];
  readonly parameters: readonly ParameterName[];
  /** What one member of the population is. */
  readonly member: string;
  readonly test: string;
  /** When there is enough data to say that it passes. */
  readonly enough: string;
  /** What would make it pass. */
  readonly remedy: string;
  /** What an auditor is likely to ask for. */
  readonly sample: string;
  /** How long a pass stands before it is stale, in days. */
  readonly standsDays: number;
}

/** What is tested at each run, and once a quarter. */
const CONTINUOUS = 7;
const QUARTER = 92;

export const CONTROLS: readonly Control[] = [
  {
    id: 'AG-01',
    title: 'Every acting identity is registered and has a live owner',
    statement:
      'Whoever acts through the plane is a registered agent, and the person who answers for it is active whenever it acts.',
    criteria: ['CC6.1', 'CC2.1'],
    parameters: ['log_coverage_percent'],
    member: 'an identity that acted, or tried to',
    test: 'Each identity of the log is in the inventory; whenever a call was allowed, the owner on it had not left.',
    enough: 'The signed log covers at least {log_coverage_percent} of the hours of the period.',
    remedy:
      'Register or dismiss each identity that was seen and is not registered; give agents of leavers another owner.',
    sample: '25 calls: the agent in the inventory, and its owner in the directory, as of the day of the call.',
    standsDays: CONTINUOUS,
  },
  {
    id: 'AG-02',
    title: 'Authorised before it gets a credential',
    statement:
      'An agent is asked for by one person and let in by another, before its first credential and its first action.',
    criteria: ['CC6.2'],
    parameters: [],
    member: 'an agent that was created in the period',
    test: 'Approved before the first credential, which is before the first action; the approver is not the requester.',
    enough: 'At least one agent was created; otherwise it did not occur.',
    remedy: 'Let agents in by request alone (admission "reviewed"), which another person approves.',
    sample: 'Each new agent: request, approval, time of the first credential and of the first action.',
    standsDays: CONTINUOUS,
  },
  {
    id: 'AG-03',
    title: 'Nothing is allowed by default',
    statement: 'An agent may do nothing that no role of its grants: a fresh agent is refused every capability.',
    criteria: ['CC6.1', 'CC6.3'],
    parameters: [],
    member: 'a sweep of all capabilities by the production decision function',
    test: 'No sweep found a call let through that no role reaches.',
    enough: 'A sweep in the period.',
    remedy: 'Have the policy swept (POST /v1/blast-radius/certificates) and correct whatever it finds.',
    sample: 'A fresh agent without roles, and three capabilities of your choice: each call is refused.',
    standsDays: QUARTER,
  },
  {
    id: 'AG-04',
    title: 'No conflicting duties in one hand, or accepted by name',
    statement:
      'No agent wears roles whose duties are to be separated, unless a named person has accepted it for a time.',
    criteria: ['CC6.3', 'CC5.1'],
    parameters: [],
    member: 'an agent and a set of conflicting roles',
    test: 'Agents that wear two roles of a set, without an acceptance that was in force, are none.',
    enough: 'Sets of conflicting roles are defined.',
    remedy: 'Say which roles must not be in one hand; take one of them away, or have the conflict accepted.',
    sample: 'The sets, and each acceptance with its reason and its end.',
    standsDays: CONTINUOUS,
  },
  {
    id: 'AG-05',
    title: 'Access is reviewed in a cycle',
    statement:
      'What agents may do is reviewed {review_cycle} by people who are not its subject; what is taken away is verified to be gone.',
    criteria: ['CC6.2', 'CC6.3'],
    parameters: ['review_cycle'],
    member: 'an item of a review that was due in the period',
    test: 'Held by its due date; each item decided, by nobody about themselves; each revoke and modify in force in time.',
    enough: 'Each review that was due in the period, {review_cycle}.',
    remedy: 'Hold the reviews that are due, decide each item, and see every revoke through.',
    sample: 'Each review of the period; 25 items with their decision, and the proof of each revoke.',
    standsDays: QUARTER,
  },
  {
    id: 'AG-06',
    title: 'A stop takes hold in time, on every tool',
    statement:
      'Whom a stop covers is refused everywhere within {stop_target} of the order, and succeeds nowhere after that.',
    criteria: ['CC6.2', 'CC7.4'],
    parameters: ['stop_target'],
    member: 'a stop that was ordered, or a rehearsal (said to be one)',
    test: 'From the order until it is in force no longer than {stop_target}; no call was allowed afterwards.',
    enough: 'A stop or a rehearsal in each quarter of the period.',
    remedy: 'Rehearse it (hivekey drill run) or schedule a drill; look into each that took longer.',
    sample: 'Each stop: order, first refusal, probes, calls that were in flight.',
    standsDays: QUARTER,
  },
  {
    id: 'AG-07',
    title: 'Agents of leavers are taken care of',
    statement:
      'When a person leaves, their agents are suspended at once and have another owner, or are revoked, within {leaver_hours}.',
    criteria: ['CC6.2', 'CC1.4'],
    parameters: ['leaver_hours'],
    member: 'a person who left and owned agents',
    test: 'The suspension is in force, and no agent waits longer than until the task of the leaver was due.',
    enough: 'The feed of leavers (a SCIM connection) was connected and not silent.',
    remedy: 'Connect your directory; settle the tasks that are overdue.',
    sample: 'Your list of leavers; for each the time of the suspension and what became of the agents.',
    standsDays: CONTINUOUS,
  },
  {
    id: 'AG-08',
    title: 'Changes of what decides are tested and approved by another',
    statement:
      'Whatever changes what agents may do is approved by somebody who did not write it, before it is in force.',
    criteria: ['CC8.1'],
    parameters: ['change_mode'],
    member: 'a version of an object that decides',
    test: 'Each version came of a change that was approved, as it was read, by another than its authors, before it was activated.',
    enough: 'At least one change; otherwise it did not occur.',
    remedy: 'Have changes reviewed (hivekey changes settings), and none activated outside of that.',
    sample: '25 changes: ticket, difference, preview, approver, time of approval and of activation.',
    standsDays: CONTINUOUS,
  },
  {
    id: 'AG-09',
    title: 'A change that nobody approved is found',
    statement:
      'What is in force is compared with what was approved all the time; at least {drift_coverage_percent} of the hours have a check on the log.',
    criteria: ['CC7.1', 'CC6.8'],
    parameters: ['drift_coverage_percent'],
    member: 'an hour with a check, a difference that was found, a policy that calls were decided by',
    test: 'Each difference was resolved; each policy that decided a call is one that was published.',
    enough: 'Checks in at least {drift_coverage_percent} of the hours of the period.',
    remedy: 'Keep a node running; restore or approve what differs.',
    sample: 'The checks of three days; each difference with what was done about it.',
    standsDays: CONTINUOUS,
  },
  {
    id: 'AG-10',
    title: 'Emergency changes are reviewed in time',
    statement: 'A change that was activated before its review is reviewed within {emergency_review}.',
    criteria: ['CC8.1'],
    parameters: ['emergency_review'],
    member: 'an emergency change that was activated in the period',
    test: 'Reviewed before it was due.',
    enough: 'At least one emergency change; otherwise it did not occur.',
    remedy: 'Review what is overdue; a late review stays late.',
    sample: 'Each emergency change: who activated it, why, who reviewed it and when.',
    standsDays: CONTINUOUS,
  },
  {
    id: 'AG-11',
    title: 'Freezes are enforced',
    statement:
      'While a freeze is in force nothing in its scope is let through, unless two people have lifted it for a time.',
    criteria: ['CC8.1'],
    parameters: [],
    member: 'a call in the scope of a freeze that was in force',
    test: 'No such call was allowed without an override.',
    enough: 'A freeze was in force, and something was refused by it; without a freeze it did not occur.',
    remedy: 'Try a frozen action while a freeze is in force, so that a refusal shows that it holds.',
    sample: 'The freezes of the period, with what each refused and every override.',
    standsDays: CONTINUOUS,
  },
  {
    id: 'AG-12',
    title: 'High impact waits for a person, who approves exactly that',
    statement: 'A held call runs only after people with the authority for it have approved these very arguments.',
    criteria: ['CC6.3', 'CC5.1', 'PI1.3'],
    parameters: [],
    member: 'a held call',
    test: 'Order, identity, authority and arguments agree for each that ran.',
    enough: 'At least one held call; otherwise it did not occur.',
    remedy: 'Look into each that ran otherwise than it was approved.',
    sample: '25 held calls, refused and expired ones too: what was shown, who decided, what ran.',
    standsDays: CONTINUOUS,
  },
  {
    id: 'AG-13',
    title: 'The log is complete',
    statement: 'Whatever passes the plane is in the log once, without a gap, and agrees with what the tools count.',
    criteria: ['CC7.2', 'CC2.1', 'PI1.5'],
    parameters: ['log_coverage_percent'],
    member: 'an entry of the log, or a comparison with a tool',
    test: 'No number is missing, over all and for each agent; each comparison with a tool is equal or its differences are explained.',
    enough:
      'The signed log covers at least {log_coverage_percent} of the hours, a call was decided, and each tool that moved money or data was compared with its own list.',
    remedy: 'Import the totals of the tools that were not compared, and explain each difference.',
    sample: 'The totals of the payment provider for a month, against the allowed calls of that month.',
    standsDays: CONTINUOUS,
  },
  {
    id: 'AG-14',
    title: 'The log is intact and kept',
    statement:
      'No entry can be changed or removed unseen: the chain verifies, and signed checkpoints are held outside the database.',
    criteria: ['CC7.2', 'C1.1'],
    parameters: ['log_coverage_percent', 'checkpoint_copy_minutes'],
    member: 'an entry of the log, a right of the application on its tables, a copy of the checkpoints',
    test: 'Each link follows from the one before; the application may not change or delete entries; each copy has no error.',
    enough:
      'The signed log covers at least {log_coverage_percent} of the hours, a call was decided, and a copy of the checkpoints outside the database is no more than {checkpoint_copy_minutes} behind.',
    remedy: 'Configure a checkpoint file or a witness; verify an export (hivekey verify).',
    sample: 'An export of the period, verified with the key that you were given on another way.',
    standsDays: CONTINUOUS,
  },
  {
    id: 'AG-15',
    title: 'Every action has an owner',
    statement: 'Each decision names the person who answered for the agent at that time.',
    criteria: ['CC6.1', 'CC1.5'],
    parameters: ['log_coverage_percent'],
    member: 'a decision about a call',
    test: 'The owner at that time is on the record.',
    enough: 'The signed log covers at least {log_coverage_percent} of the hours of the period.',
    remedy: 'Look into each decision without an owner.',
    sample: '25 calls: the owner on the record against the history of ownership.',
    standsDays: CONTINUOUS,
  },
  {
    id: 'AG-16',
    title: 'Monitoring works',
    statement:
      'What is logged arrives at the SIEM, rules are tested each quarter, and alerts are looked at in time ({alert_times}).',
    criteria: ['CC7.2', 'CC7.3'],
    parameters: ['alert_times'],
    member: 'a day of a sink, an alert, a test of a rule',
    test: 'Produced is delivered or left out by name, each whole day; alerts were acknowledged and closed in time; rule tests passed.',
    enough: 'A sink, and at least one test of a rule in each quarter of the period.',
    remedy: 'Connect a SIEM, test the rules (hivekey detections test), triage what is overdue.',
    sample: 'Three days of the delivery ledger; a rule test from injection to closing; 25 alerts.',
    standsDays: QUARTER,
  },
  {
    id: 'AG-17',
    title: 'Incidents are decided upon, and stopping is practised',
    statement: 'Each incident has a decision in writing within {incident_times}; the response is rehearsed.',
    criteria: ['CC7.3', 'CC7.4', 'CC7.5'],
    parameters: ['incident_times'],
    member: 'an incident',
    test: 'Each has a decision, and none was closed without one.',
    enough: 'A rehearsal that passed in each quarter of the period; without an incident it did not occur.',
    remedy: 'Decide upon the incidents that are open for too long; hold a drill.',
    sample: 'Each incident: timeline, decision, root cause, follow-ups.',
    standsDays: QUARTER,
  },
  {
    id: 'AG-18',
    title: 'What leaves is bounded',
    statement: 'Whatever an agent may read out or send has a limit that the engine enforces.',
    criteria: ['CC6.6', 'CC6.7'],
    parameters: [],
    member: 'an agent and a unit that leaves (records read, messages, recipients)',
    test: 'No agent that may read or send is without a bound in a day.',
    enough:
      'A sweep in the period, of the policy that is in force, by which the numbers agree with what is let through.',
    remedy: 'Give the role a row cap, a rate or an allow-list for each capability that reads or sends.',
    sample: 'The roles that may export: guard, version and parameters; one refused call above the cap.',
    standsDays: QUARTER,
  },
  {
    id: 'AG-19',
    title: 'Tools are approved as they are used',
    statement: 'A call runs only with a definition of the tool that a person has let in.',
    criteria: ['CC9.2', 'CC6.8'],
    parameters: [],
    member: 'a definition of a tool that allowed calls used',
    test: 'Its digest is one that was approved by then.',
    enough: 'Tools are registered: MCP servers or HTTP APIs.',
    remedy: 'Approve or switch off definitions that changed.',
    sample: 'Each tool: digest in use, who approved it and when.',
    standsDays: CONTINUOUS,
  },
  {
    id: 'AG-20',
    title: 'Blast radius is bounded, or accepted by name',
    statement:
      'For each agent it is known how much it could do in a day if it were compromised, or a named person has accepted that it is not.',
    criteria: ['CC3.2', 'CC5.1', 'CC9.1'],
    parameters: [],
    member: 'an agent that may act, or a sweep',
    test: 'UNBOUNDED and UNKNOWN are none, or accepted by name and until a date; the numbers agree with the decision function.',
    enough: 'A sweep in the period, of the policy that is in force.',
    remedy: 'Bound what has no limit, declare the impact of what has none, or have it accepted.',
    sample: 'Three agents: the numbers, what binds each, who accepted them.',
    standsDays: QUARTER,
  },
];

const BY_ID: ReadonlyMap<string, Control> = new Map(CONTROLS.map((control) => [control.id, control]));

export function controlOf(id: string): Control | undefined {
  return BY_ID.get(id);
}

/** With what the parameters say put in: `{stop_target}` becomes "1 s". Throws where a value is missing. */
export function withParameters(text: string, words: Readonly<Record<string, string>>): string {
  return text.replace(/\{([a-z_]+)\}/g, (_, name: string) => {
    const word = words[name];
    if (word === undefined) throw new Error(`the parameter ${name} has no value`);
    return word;
  });
}
