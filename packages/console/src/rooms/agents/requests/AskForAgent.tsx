import { Drawer, Select, Textarea, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import type { AgentRequest } from '../../../api/agent-types.ts';
import { send } from '../../../api/client.ts';
import type { AgentAttributes } from '../../../api/types.ts';
import { useMe } from '../../../app/me.ts';
import { useWrite } from '../../../app/write.ts';
import { ActButton } from '../../../ui/ActButton.tsx';
import { secondsOfLocal } from '../../../ui/format.ts';
import { ErrorNotice } from '../../../ui/Notice.tsx';
import { OwnerPicker, PeopleAndGroupsField, RolesPicker } from '../../../ui/Pickers.tsx';
import { AttributesFields, declared } from '../AttributesFields.tsx';
import classes from '../agents.module.css';
import { RISK_TIERS } from '../words.ts';

interface Draft {
  name: string;
  owner: string;
  roles: string[];
  deputies: string[];
  reason: string;
  description: string;
  riskTier: string | null;
  ends: string;
  attributes: AgentAttributes;
}

/** Asks for an agent, which somebody else lets in. */
export function AskForAgent({
  onAsked,
  onClose,
}: {
  readonly onAsked: (request: AgentRequest) => void;
  readonly onClose: () => void;
}) {
  return (
    <Drawer opened onClose={onClose} title="Ask for an agent" closeButtonProps={{ 'aria-label': 'Close' }}>
      <Form onAsked={onAsked} />
    </Drawer>
  );
}

function Form({ onAsked }: { readonly onAsked: (request: AgentRequest) => void }) {
  const { person } = useMe();
  const form = useForm<Draft>({
    initialValues: {
      name: '',
      owner: person?.email ?? '',
      roles: [],
      deputies: [],
      reason: '',
      description: '',
      riskTier: null,
      ends: '',
      attributes: {},
    },
    validate: {
      name: (name) => (name.trim() === '' ? 'Give it a name.' : null),
      owner: (owner) => (owner.includes('@') ? null : 'Give the e-mail of an accountable person.'),
      roles: (roles) => (roles.length === 0 ? 'Choose a role; without one an agent can do nothing.' : null),
      reason: (reason) => (reason.trim() === '' ? 'Say what it is for: whoever approves decides by it.' : null),
    },
  });
  const ask = useWrite({
    write: ({ name, owner, roles, deputies, reason, description, riskTier, ends, attributes }: Draft) => {
      const made = declared(attributes);
      return send<AgentRequest>('POST', '/v1/agent-requests', {
        name: name.trim(),
        owner: owner.trim(),
        roles,
        reason: reason.trim(),
        ...(deputies.length === 0 ? {} : { deputies }),
        ...(description.trim() === '' ? {} : { description: description.trim() }),
        ...(riskTier === null ? {} : { risk_tier: riskTier }),
        ...(ends === '' ? {} : { valid_until: secondsOfLocal(ends) }),
        ...(Object.keys(made).length === 0 ? {} : { attributes: made }),
      });
    },
    changes: ['agents'],
    done: ({ name }) => `${name} is asked for; somebody else lets it in.`,
    onDone: onAsked,
  });
  const { values, errors } = form;
  return (
    <form className="stack" noValidate onSubmit={form.onSubmit((draft) => ask.mutate(draft))}>
      <TextInput
        label="Name"
        description="A unique handle. It is never reused."
        placeholder="support-bot"
        withAsterisk
        data-autofocus
        autoComplete="off"
        spellCheck={false}
        {...form.getInputProps('name')}
      />
      <Textarea
        label="What it is for"
        description="Whoever approves decides by it; it goes into the log."
        withAsterisk
        autosize
        minRows={2}
        maxLength={2000}
        {...form.getInputProps('reason')}
      />
      <OwnerPicker
        label="Owner"
        description="The person who answers for what it does. They do not approve it themselves."
        placeholder="dana@acme.example"
        required
        value={values.owner}
        onChange={(owner) => form.setFieldValue('owner', owner ?? '')}
        error={asText(errors.owner)}
      />
      <RolesPicker
        label="Roles"
        description="It may do what any of them grants; the guards of all of them apply."
        value={values.roles}
        onChange={(roles) => form.setFieldValue('roles', roles)}
        error={asText(errors.roles)}
      />
      <PeopleAndGroupsField
        label="Deputies"
        description="People and groups who stand in for the owner."
        value={values.deputies}
        onChange={(deputies) => form.setFieldValue('deputies', deputies)}
      />
      <Textarea label="Description" autosize minRows={2} maxLength={2000} {...form.getInputProps('description')} />
      <Select
        label="Risk tier"
        placeholder="Not stated"
        clearable
        data={RISK_TIERS}
        {...form.getInputProps('riskTier')}
      />
      <TextInput
        label="Ends"
        description="From then on it does nothing. No end, unless stated."
        type="datetime-local"
        {...form.getInputProps('ends')}
      />
      <details className={classes.made}>
        <summary>What it is made of</summary>
        <div className="stack">
          <AttributesFields
            value={values.attributes}
            onChange={(attributes) => form.setFieldValue('attributes', attributes)}
          />
        </div>
      </details>
      {ask.isError ? <ErrorNotice error={ask.error} /> : null}
      <ActButton
        needs="POST /v1/agent-requests"
        refusal={
          person === undefined
            ? 'A person asks for an agent, and the admin key of this session belongs to none: sign in, or use a key of your own.'
            : undefined
        }
        type="submit"
        loading={ask.isPending}
      >
        Ask for it
      </ActButton>
      {person === undefined ? (
        <p>
          A person asks for an agent, and the admin key of this session belongs to none. Sign in, or use a key of your
          own: <code>hivekey key create NAME --person E-MAIL</code>.
        </p>
      ) : null}
    </form>
  );
}

function asText(error: unknown): string | undefined {
  return typeof error === 'string' ? error : undefined;
}
