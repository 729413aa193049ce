import type { RetentionRequest } from '@hivekey/sdk';
import { Modal, TagsInput, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { send } from '../../api/client.ts';
import { placesOutsideQuery } from '../../api/retention-queries.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { DataTable } from '../../ui/DataTable.tsx';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { Requests } from './Requests.tsx';

/** Fields taken out of records after the fact, by two people; and where copies are that only the customer can remove. */
export function Redactions() {
  const [isAsking, setAsking] = useState(false);
  const { data, error } = useQuery(placesOutsideQuery);
  return (
    <>
      <div className="row" style={{ justifyContent: 'flex-end' }}>
        <ActButton needs="POST /v1/redactions" onClick={() => setAsking(true)}>
          Ask for a redaction
        </ActButton>
      </div>
      <p className="muted">
        Fields leave a record here and everywhere in HiveKey; its hash stays, so that the log still verifies. One person
        asks, another approves.
      </p>
      <Requests kind="redaction" />
      <Section title="Copies outside">
        {error === null ? (
          <DataTable
            label="Copies outside"
            rows={data}
            rowKey={({ place, name }) => `${place} ${name}`}
            columns={[
              { key: 'place', header: 'Place', width: '120px', cell: ({ place }) => place },
              {
                key: 'name',
                header: 'Name',
                width: '240px',
                cell: ({ name }) => <span className="truncate">{name}</span>,
              },
              { key: 'what', header: 'What is there', cell: ({ what }) => what },
            ]}
            empty={<Empty title="No copy is known">No sink, webhook, channel or export has taken records out.</Empty>}
          />
        ) : (
          <ErrorNotice error={error} />
        )}
      </Section>
      {isAsking ? <AskDialog onClose={() => setAsking(false)} /> : null}
    </>
  );
}

function AskDialog({ onClose }: { readonly onClose: () => void }) {
  const [events, setEvents] = useState<string[]>([]);
  const [fields, setFields] = useState<string[]>(['args']);
  const [reason, setReason] = useState('');
  const ask = useWrite({
    write: () => send<RetentionRequest>('POST', '/v1/redactions', { events, fields, reason: reason.trim() }),
    changes: ['retention'],
    done: () => 'Asked for; another person approves it',
    onDone: onClose,
  });
  const isReady = events.length > 0 && fields.length > 0 && reason.trim() !== '';
  return (
    <Modal
      opened
      onClose={onClose}
      title="Take fields out of records"
      size={520}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady && !ask.isPending) ask.mutate(undefined);
        }}
      >
        <TagsInput
          label="Records"
          description="Ids, such as evt_01JX…; the log shows them."
          withAsterisk
          splitChars={[',', ' ', '\n']}
          value={events}
          onChange={setEvents}
          acceptValueOnBlur
        />
        <TagsInput
          label="Fields"
          description="Such as args, args.email or reason."
          withAsterisk
          value={fields}
          onChange={setFields}
          acceptValueOnBlur
        />
        <Textarea
          label="Reason"
          description="Goes into the log; write nothing into it that is to go."
          withAsterisk
          autosize
          minRows={2}
          maxLength={500}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        {ask.isError ? <ErrorNotice error={ask.error} /> : null}
        <ActButton needs="POST /v1/redactions" type="submit" disabled={!isReady} loading={ask.isPending}>
          Ask
        </ActButton>
      </form>
    </Modal>
  );
}
