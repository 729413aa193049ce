import type { Engagement } from '@hivekey/sdk';
import { Modal, TagsInput, Textarea, TextInput } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { send } from '../../api/client.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { type Days, isDay, lastQuarter, PeriodFields } from '../../ui/Period.tsx';

const CRITERIA = ['CC6.1', 'CC6.2', 'CC6.3', 'CC6.6', 'CC7.1', 'CC7.2', 'CC7.3', 'CC7.4', 'CC8.1', 'CC9.2', 'PI1.3'];
const DAY_MS = 86_400_000;
const EXPIRES_AFTER_DAYS = 90;

/** Firm, period, scope, end. People are let in on its page, one by one. */
export function OpenDialog({ onClose }: { readonly onClose: () => void }) {
  const navigate = useNavigate();
  const [firm, setFirm] = useState('');
  const [domain, setDomain] = useState('');
  const [days, setDays] = useState<Days>(lastQuarter);
  const [criteria, setCriteria] = useState<string[]>(['CC6.1', 'CC6.2', 'CC6.3', 'CC7.2', 'CC8.1']);
  const [scope, setScope] = useState('');
  const [until, setUntil] = useState(() =>
    new Date(Date.now() + EXPIRES_AFTER_DAYS * DAY_MS).toISOString().slice(0, 10),
  );
  const isReady =
    firm.trim() !== '' && domain.trim() !== '' && scope.trim() !== '' && criteria.length > 0 && isDay(until);
  const open = useWrite({
    write: () =>
      send<Engagement>('POST', '/v1/engagements', {
        firm: firm.trim(),
        firm_domain: domain.trim(),
        period_from: `${days.from}T00:00:00Z`,
        period_to: `${days.to}T00:00:00Z`,
        criteria,
        scope: scope.trim(),
        expires_at: new Date(Date.parse(`${until}T00:00:00Z`) + DAY_MS).toISOString(),
      }),
    changes: ['engagements'],
    done: ({ firm: name }) => `The engagement of ${name} is open`,
    onDone: ({ id }) => void navigate({ to: '/engagements/$engagement', params: { engagement: id } }),
  });
  return (
    <Modal
      opened
      onClose={onClose}
      title="Let an audit firm in"
      size={560}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady && !open.isPending) open.mutate(undefined);
        }}
      >
        <TextInput
          label="Firm"
          withAsterisk
          data-autofocus
          maxLength={200}
          value={firm}
          onChange={(event) => setFirm(event.currentTarget.value)}
        />
        <TextInput
          label="Domain of its work e-mails"
          description="None of your own. Only people with an address there can be let in."
          placeholder="ledger.example"
          withAsterisk
          value={domain}
          onChange={(event) => setDomain(event.currentTarget.value)}
        />
        <PeriodFields value={days} onChange={setDays} />
        <TagsInput label="Criteria" withAsterisk data={CRITERIA} value={criteria} onChange={setCriteria} />
        <Textarea
          label="Scope"
          description="What is looked at and what is not. Both sides read it."
          withAsterisk
          autosize
          minRows={3}
          maxLength={10_000}
          value={scope}
          onChange={(event) => setScope(event.currentTarget.value)}
        />
        <TextInput
          type="date"
          label="Last day"
          description="It ends by itself after it (UTC), at once for everybody. It can be moved, or ended before."
          withAsterisk
          value={until}
          onChange={(event) => setUntil(event.currentTarget.value)}
        />
        {open.isError ? <ErrorNotice error={open.error} /> : null}
        <ActButton needs="POST /v1/engagements" type="submit" disabled={!isReady} loading={open.isPending}>
          Open the engagement
        </ActButton>
      </form>
    </Modal>
  );
}
