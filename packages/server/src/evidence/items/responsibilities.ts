/** Who does what for each control: what HiveKey does, what is left to the customer, and what to whoever provides a tool. */
import type { TableShape } from '@hivekey/evidence';
import { CONTROLS, type ControlId } from '@hivekey/evidence/controls';
import { column } from '../column.ts';

export const RESPONSIBILITIES: TableShape = {
  name: 'responsibilities',
  title: 'Who does what',
  columns: [
    column('control_id', 'id', 'Of the control.'),
    column('title', 'text', 'What it is about.'),
    column('criteria', 'list', 'Trust Services Criteria that it supports.'),
    column('plane_does', 'text', 'What HiveKey does by itself.'),
    column('customer_must', 'text', 'What the customer has to do for it to hold.'),
    column('tool_provider_does', 'text', 'What the provider of a tool answers for, which is carved out.'),
  ],
};

type Shares = readonly [plane: string, customer: string, provider: string];

const PROVIDER_NONE = 'Nothing.';
const SHARES: Readonly<Record<ControlId, Shares>> = {
  'AG-01': [
    'Refuses whoever is no agent, names an owner on each decision, and lists identities that were seen and are not registered.',
    'Registers every agent, keeps credentials of tools out of other hands, and judges identities that were seen.',
    'Accepts no other credential for the same data.',
  ],
  'AG-02': [
    'Lets an agent in only when somebody else has agreed, where that is set, and records request, approval and first credential in order.',
    'Sets that agents are let in by request, and reads what is asked for.',
    PROVIDER_NONE,
  ],
  'AG-03': [
    'Refuses what no role grants; sweeps every agent by every capability and compares with what was computed.',
    'Grants by role, and no more than is needed.',
    'Does what its definition says, and nothing else under the same name.',
  ],
  'AG-04': [
    'Lists what each role allows in every version.',
    'Says which capabilities are not to be in one hand, and accepts exceptions by name.',
    PROVIDER_NONE,
  ],
  'AG-05': [
    'Freezes the population, finds reviewers who are not the subject, carries out decisions and verifies them.',
    'Sets who reviews and by when, and decides; names managers and owners truly.',
    PROVIDER_NONE,
  ],
  'AG-06': [
    'Ends tokens, aborts calls, refuses from the commit on, measures a refused probe, and says what it cannot cut.',
    'Orders the stop, rotates credentials that agents may hold themselves, and holds drills.',
    'Ends sessions and tokens that it has issued, by their hard expiry.',
  ],
  'AG-07': [
    'Suspends the agents of whoever leaves in the same transaction, and asks for another owner until there is one.',
    'Feeds leavers in time, by a directory or by hand, and takes agents over.',
    PROVIDER_NONE,
  ],
  'AG-08': [
    'Refuses edits past review where changes are reviewed, tests and previews each, and binds approvals to what was read.',
    'Sets that changes are reviewed, writes tests, and reads before approving.',
    'Announces changes of its tools; a changed definition waits here until it is let in.',
  ],
  'AG-09': [
    'Compares what runs with what was approved, every few minutes, and enforces what was approved meanwhile.',
    'Looks at what is found, and keeps the database’s owner role away from daily work.',
    PROVIDER_NONE,
  ],
  'AG-10': [
    'Sets a deadline for the review of each emergency, and escalates what is overdue.',
    'Reviews in time, and says why there are emergencies.',
    PROVIDER_NONE,
  ],
  'AG-11': [
    'Refuses what a freeze covers, by the database’s clock.',
    'Declares freezes and their scope.',
    PROVIDER_NONE,
  ],
  'AG-12': [
    'Holds the call, shows it, counts only who may decide, and runs exactly what was approved.',
    'Sets thresholds and authority limits, and decides with care.',
    'Carries out the call that it is sent, once.',
  ],
  'AG-13': [
    'Numbers every decision without gaps, and lists differences with the tools’ own totals.',
    'Brings in the totals of the tools, and explains differences.',
    'Gives complete totals of what it has done.',
  ],
  'AG-14': [
    'Signs checkpoints, copies them outside, and grants nobody the right to change or delete entries.',
    'Keeps a copy that administrators of HiveKey cannot write, and sets retention to outlast the period.',
    PROVIDER_NONE,
  ],
  'AG-15': [
    'Writes the accountable person on each decision.',
    'Gives each agent a person, and no mailbox of a team.',
    PROVIDER_NONE,
  ],
  'AG-16': [
    'Delivers every entry, counts what was accepted, tests rules with marked events, and opens alerts.',
    'Connects the receiver, triages alerts in time, and reads the tests.',
    'Its receiver keeps what it has accepted.',
  ],
  'AG-17': [
    'Ties alerts, stops and changes to an incident, and refuses to close one without a decision.',
    'Decides, writes down the root cause, and holds drills.',
    'Tells of incidents of its own.',
  ],
  'AG-18': [
    'Bounds what is read out or sent by caps, rates and lists that are enforced before the call.',
    'Declares what calls read and send, and sets the bounds.',
    'Keeps what it receives confidential.',
  ],
  'AG-19': [
    'Pins each definition, checks each call against its pin, and refuses what has changed until it is let in.',
    'Lets in servers and tools with care, declares models and prompts, and looks after vendors.',
    'Its own security, and what its tool does inside.',
  ],
  'AG-20': [
    'Computes the bound for every agent, proves it by the sweep, and asks again when it is passed.',
    'Accepts by name and date what it can bear, and bounds the rest.',
    'Keeps the limits that it states for a credential.',
  ],
};

export function responsibilityRows(): readonly object[] {
  return CONTROLS.map(({ id, title, criteria }) => {
    const [plane, customer, provider] = SHARES[id];
    return {
      control_id: id,
      title: title.replaceAll(/ ?\{[a-z_]+\}/g, ''),
      criteria: [...criteria],
      plane_does: plane,
      customer_must: customer,
      tool_provider_does: provider,
    };
  });
}
