/** The walkthrough as data: what is shown, and why it proves something. What a button does is in the file named after it. */

export interface Step {
  readonly id: string;
  readonly title: string;
  readonly see: string;
  readonly proves: string;
  /** What it does not prove. */
  readonly limits: string;
  /** Words of the button; null: there is nothing to press. */
  readonly button: string | null;
  /** What it is pressed with. */
  readonly asks: readonly ('agent' | 'entry' | 'report')[];
}

export const STEP_IDS = ['boundary', 'denied_call', 'replay', 'kill', 'population', 'tamper', 'checkpoint'] as const;
export type StepId = (typeof STEP_IDS)[number];

export const SCRIPT: readonly (Step & { readonly id: StepId })[] = [
  {
    id: 'boundary',
    title: 'Where the boundary is',
    see: 'How many agents, tools, people and entries there are now, and which identities were seen that are no agents here.',
    proves:
      'Every call that goes through HiveKey is decided and recorded before it is carried out, so that what is counted here is all that went through.',
    limits:
      'A call made with a credential that HiveKey does not hold is not seen. What was seen and is unregistered is listed; what nobody saw is not.',
    button: 'Count what is inside',
    asks: [],
  },
  {
    id: 'denied_call',
    title: 'A call that is denied',
    see: 'A shadow of an agent, with its roles, asks for something none of them grants. The answer is a denial, and the record of it is in the log. Nothing reaches a tool.',
    proves:
      'What was not granted is refused, on the path that every call takes, and a refusal leaves a record with the rule and the hash of the policy.',
    limits: 'It shows one call. That nothing else is reachable is shown by the sweep of the role-capability matrix.',
    button: 'Make a call that must be denied',
    asks: ['agent'],
  },
  {
    id: 'replay',
    title: 'A decision, made again',
    see: 'An entry of the period, taken as it was hashed, is decided again under the policy that was archived with the hash it names.',
    proves:
      'The verdict on the record is the one the policy of that time gives: neither was changed since. You choose the entry.',
    limits:
      'Where a window, a masked argument or state of that time has a say, the entry alone does not repeat it, and the answer says which.',
    button: 'Decide it again',
    asks: ['entry'],
  },
  {
    id: 'kill',
    title: 'Revoking, as a rehearsal',
    see: 'The kill switch is pressed on a shadow of an agent that has a call in flight and tries at every entrance. The clock runs until the last entrance has refused.',
    proves:
      'Revoking takes effect on every entrance and for every tool of the agent, and how long it takes is measured, not assumed.',
    limits:
      'It is marked as a rehearsal. A tool that was called before may finish what it has accepted, and a credential outside HiveKey goes on.',
    button: 'Press the kill switch on a shadow',
    asks: ['agent'],
  },
  {
    id: 'population',
    title: 'A population, counted while you watch',
    see: 'A report is read to its end twice, and the log is counted by the statement that is printed. The three counts, the first and last numbers and the gaps stand side by side.',
    proves: 'The list you sample from is complete for the period: it is counted by two ways, and numbers have no gap.',
    limits:
      'It is complete for what went through HiveKey. The tie-out with the tools’ own totals is what finds the rest.',
    button: 'Count it twice',
    asks: ['report'],
  },
  {
    id: 'tamper',
    title: 'An attempt to change the log',
    see: 'The database role of the application tries to change, delete and empty each table of the log, in a transaction that is always rolled back. Beside it stands who holds which right, read from the catalog of the database now.',
    proves: 'No application and no administrator of HiveKey can change or delete an entry: the database refuses it.',
    limits:
      'The owner of the schema and a superuser of the database can. What they do is found by the next step, as the copy is somewhere else.',
    button: 'Try to change the log',
    asks: [],
  },
  {
    id: 'checkpoint',
    title: 'The log against its copy outside',
    see: 'The newest signed checkpoint outside the database: its signature, and whether the entries that the database has now give the same root.',
    proves: 'Up to that checkpoint, no entry was changed, removed or put in between since it was written there.',
    limits:
      'It proves as much as the copy is out of reach of whoever runs the database. Of what came after the newest checkpoint it says nothing.',
    button: 'Compare with the copy',
    asks: [],
  },
];
