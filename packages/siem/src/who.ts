/** Who an event is about, and who did it. */
import type { StreamEvent } from './event.ts';
import { subjectOf, textOf } from './kinds.ts';

export interface Party {
  readonly type: 'agent' | 'person' | 'service';
  readonly id: string;
  readonly name: string;
  /** Where it looks like one. */
  readonly email: string | undefined;
}

const EMAIL = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}$/;
const PEOPLE = new Set(['person', 'slack']);

/** The agent of the record. */
export function agentOf({ fields }: StreamEvent): Party | undefined {
  const id = textOf(fields.agent_id);
  const name = textOf(fields.agent);
  if (id === '' && name === '') return undefined;
  return { type: 'agent', id: id || name, name: name || id, email: undefined };
}

/** Who acted: of a call the agent, else who is named in `actor`. */
export function actingOf(event: StreamEvent): Party | undefined {
  const subject = subjectOf(event.kind);
  if (subject === 'call' || subject === 'result') return agentOf(event);
  const { actor_type: type, actor_name: name } = event.fields;
  if (typeof type !== 'string' || typeof name !== 'string' || name === '') {
    const approver = textOf(event.fields.approver);
    return approver === '' ? undefined : personOf(approver);
  }
  if (type === 'agent') return { type: 'agent', id: name, name, email: undefined };
  return PEOPLE.has(type) ? personOf(name) : { type: 'service', id: `${type}:${name}`, name, email: undefined };
}

export function personOf(name: string): Party {
  return { type: 'person', id: name, name, email: EMAIL.test(name) ? name : undefined };
}

/** Every person who is named in the record. */
export function peopleOf({ fields }: StreamEvent): string[] {
  const { actor_type: type, actor_name: actor, owner, approver, author, reviewer, person, approvers } = fields;
  const named = [
    typeof type === 'string' && PEOPLE.has(type) ? actor : undefined,
    owner,
    approver,
    author,
    reviewer,
    person,
    ...(Array.isArray(approvers) ? approvers : []),
  ];
  return [...new Set(named.filter((each): each is string => typeof each === 'string' && each !== ''))];
}

const V4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;
// Eight groups, or fewer around one pair of colons.
const V6 = /^(?=.*::|(?:[^:]+:){7}[^:]+$)(?!.*::.*::)(?!.*:::)(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}$/;
/** How an address of version 4 looks on a socket for both. */
const MAPPED = '::ffff:';

/** The address of the caller, where it is one. */
export function addressOf({ fields }: StreamEvent): string | undefined {
  const given = textOf(fields.src_ip);
  const ip = given.startsWith(MAPPED) ? given.slice(MAPPED.length) : given;
  return V4.test(ip) || V6.test(ip) ? ip : undefined;
}
