/**
 * Agents as resources, after draft-wzdk-scim-agent-resource (`agentUserName`), taking `name` of draft-abbey-scim-agent-extension
 * for the same. Drafts of individuals: behind a setting.
 */
import { attribute, complex, type ResourceType } from './schema.ts';

const AGENT_URN = 'urn:ietf:params:scim:schemas:core:2.0:Agent';
export const GOVERNED_URN = 'urn:ietf:params:scim:schemas:extension:governed-agent:2.0:Agent';
export const GOVERNANCE_URN = 'urn:hivekey:params:scim:schemas:extension:governance:1.0:Agent';

const readOnly = { mutability: 'readOnly' } as const;

export const AGENT: ResourceType = {
  name: 'Agent',
  endpoint: '/Agents',
  description: 'An agent that the directory asks for, and that somebody in HiveKey lets in',
  aliases: new Map([['name', 'agentUserName']]),
  schema: {
    id: AGENT_URN,
    name: 'Agent',
    description: 'Agent',
    attributes: [
      attribute('agentUserName', 'Name of the agent; unique, also among those that were deleted.', {
        required: true,
        uniqueness: 'server',
        mutability: 'immutable',
      }),
      attribute('displayName', 'As people are shown the agent.'),
      attribute('description', 'What the agent is for.'),
      attribute(
        'active',
        'Whether it may act. False stops it; true asks for nothing that was not granted in HiveKey.',
        {
          type: 'boolean',
        },
      ),
      complex(
        'owners',
        'Exactly one person, who is accountable. Changed in HiveKey.',
        [
          attribute('value', 'Id of the person.', { caseExact: true }),
          attribute('$ref', 'Address of the person.', {
            type: 'reference',
            caseExact: true,
            referenceTypes: ['User'],
          }),
        ],
        { multiValued: true, mutability: 'immutable' },
      ),
    ],
  },
  extensions: [
    {
      id: GOVERNED_URN,
      name: 'GovernedAgent',
      description: 'State of the agent in HiveKey',
      attributes: [
        attribute('status', 'active or disabled.', readOnly),
        attribute('authorizationCutoff', 'What was issued before it is dead.', { type: 'dateTime', ...readOnly }),
      ],
    },
    {
      id: GOVERNANCE_URN,
      name: 'Governance',
      description: 'What HiveKey says of the agent',
      attributes: [
        attribute(
          'request',
          'The request, and how it stands: requested, approved, denied, withdrawn or expired.',
          readOnly,
        ),
        attribute('agentId', 'Id of the agent, once it is let in.', { caseExact: true, ...readOnly }),
        attribute('localSuspension', 'Somebody in HiveKey has stopped it, which no directory undoes.', {
          type: 'boolean',
          ...readOnly,
        }),
        attribute('authorizationEpoch', 'Grows with each stop.', { type: 'integer', ...readOnly }),
      ],
    },
  ],
};
