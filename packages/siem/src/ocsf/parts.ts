/** Objects of OCSF that several classes have. */
import type { StreamEvent } from '../event.ts';
import { addressOf, type Party, personOf } from '../who.ts';

export type Json = Readonly<Record<string, unknown>>;

/** People are users, or administrators where they administer; agents and keys are services. */
export function userOf(party: Party, isAdmin = false): Json {
  const { id, name, email, type } = party;
  return {
    name,
    uid: id,
    ...(email === undefined ? {} : { email_addr: email }),
    ...(type !== 'person'
      ? { type_id: 4, type: 'Service' }
      : isAdmin
        ? { type_id: 2, type: 'Admin' }
        : { type_id: 1, type: 'User' }),
  };
}

export function ownerOf({ fields }: StreamEvent): Json {
  const { owner } = fields;
  return typeof owner === 'string' && owner !== '' ? { owner: userOf(personOf(owner)) } : {};
}

export function endpointOf(event: StreamEvent, name: string, type: string): Json {
  const ip = addressOf(event);
  return { ...(ip === undefined ? {} : { ip }), name, type_id: 99, type };
}

/** The operator's endpoint, where the record knows an address. */
export function operatorOf(event: StreamEvent): Json {
  return addressOf(event) === undefined ? {} : { src_endpoint: endpointOf(event, 'operator', 'Operator') };
}

export function agentObject(agent: Party, runId: unknown, model: Json): Json {
  return {
    uid: agent.id,
    name: agent.name,
    ...(typeof runId === 'string' ? { instance_uid: runId } : {}),
    ...model,
  };
}

/** OCSF's timestamps are milliseconds. */
export function instant(value: unknown): number | undefined {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}
