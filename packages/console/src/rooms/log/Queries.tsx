import type { LogPreset, LogQuery } from '@hivekey/sdk';
import { Button, Menu, Modal, Switch, TextInput } from '@mantine/core';
import { IconBookmark, IconDownload, IconTrash } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { at, send, withQuery } from '../../api/client.ts';
import { presetsQuery, savedQueriesQuery } from '../../api/query-queries.ts';
import type { EventFilter } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { AgentPicker } from '../../ui/Pickers.tsx';

const route = getRouteApi('/in/log');
const VERDICTS = ['allow', 'deny', 'review'] as const;

/** Queries that are kept, those that everybody has, and what is selected as a file. */
export function Queries({ filter }: { readonly filter: EventFilter }) {
  const navigate = route.useNavigate();
  const { data: presets = [] } = useQuery(presetsQuery);
  const { data: saved = [] } = useQuery(savedQueriesQuery);
  const [asked, setAsked] = useState<LogPreset>();
  const [isKeeping, setKeeping] = useState(false);
  const apply = (
    { filter: kept, last_seconds: last }: Pick<LogPreset, 'filter' | 'last_seconds'>,
    more?: EventFilter,
  ) => {
    const all: EventFilter = { kind: 'all', ...kept, ...more };
    return navigate({
      search: {
        ...all,
        verdict: VERDICTS.find((each) => each === all.verdict),
        from: last === null ? all.from : new Date(Date.now() - last * 1000).toISOString(),
      },
    });
  };
  const remove = useWrite({
    write: ({ id }: LogQuery) => send('DELETE', at`/v1/audit/queries/${id}`),
    changes: ['saved queries'],
    done: (_, { name }) => `${name} is not kept any more`,
  });
  return (
    <>
      <Menu position="bottom-end" width={320}>
        <Menu.Target>
          <Button variant="default" leftSection={<IconBookmark size={14} aria-hidden />}>
            Queries
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {saved.length === 0 ? null : <Menu.Label>Kept</Menu.Label>}
          {saved.map((query) => (
            <Menu.Item key={query.id} onClick={() => apply(query)} title={query.description}>
              {query.name}
              <span className="muted"> {query.shared ? `shared by ${query.owner}` : 'yours'}</span>
            </Menu.Item>
          ))}
          {saved.some(({ mine }) => mine) ? <Menu.Label>Remove</Menu.Label> : null}
          {saved
            .filter(({ mine }) => mine)
            .map((query) => (
              <Menu.Item
                key={query.id}
                leftSection={<IconTrash size={14} aria-hidden />}
                onClick={() => remove.mutate(query)}
              >
                Remove {query.name}
              </Menu.Item>
            ))}
          <Menu.Label>For everybody</Menu.Label>
          {presets.map((preset) => (
            <Menu.Item
              key={preset.name}
              title={preset.description}
              onClick={() => (preset.needs.length > 0 ? setAsked(preset) : apply(preset))}
            >
              {preset.title}
              {preset.needs.length > 0 ? '…' : ''}
            </Menu.Item>
          ))}
          <Menu.Divider />
          <Menu.Item onClick={() => setKeeping(true)}>Keep this one…</Menu.Item>
          {(['csv', 'jsonl'] as const).map((format) => (
            <Menu.Item
              key={format}
              component="a"
              href={withQuery('/v1/audit/events/export', { ...filter, format })}
              download
              leftSection={<IconDownload size={14} aria-hidden />}
            >
              What is selected, as {format === 'csv' ? 'CSV' : 'JSON lines'}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      {asked === undefined ? null : (
        <FillIn
          preset={asked}
          onClose={() => setAsked(undefined)}
          onFilled={(more) => {
            setAsked(undefined);
            void apply(asked, more);
          }}
        />
      )}
      {isKeeping ? <Keep filter={filter} onClose={() => setKeeping(false)} /> : null}
    </>
  );
}

/** What a preset needs: an agent, a run, an approval. */
function FillIn({
  preset,
  onFilled,
  onClose,
}: {
  readonly preset: LogPreset;
  readonly onFilled: (filter: EventFilter) => void;
  readonly onClose: () => void;
}) {
  const [values, setValues] = useState<Readonly<Record<string, string | undefined>>>({});
  const isReady = preset.needs.every((name) => (values[name] ?? '') !== '');
  return (
    <Modal opened onClose={onClose} title={preset.title} closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady) onFilled(values);
        }}
      >
        <p className="muted">{preset.description}</p>
        {preset.needs.map((name) =>
          name === 'about' || name === 'agent' ? (
            <AgentPicker
              key={name}
              label="Agent"
              required
              value={values[name]}
              onChange={(next) => setValues({ ...values, [name]: next })}
            />
          ) : (
            <TextInput
              key={name}
              label={`Id of the ${name}`}
              withAsterisk
              value={values[name] ?? ''}
              onChange={(event) => setValues({ ...values, [name]: event.currentTarget.value })}
            />
          ),
        )}
        <Button type="submit" disabled={!isReady}>
          Show
        </Button>
      </form>
    </Modal>
  );
}

function Keep({ filter, onClose }: { readonly filter: EventFilter; readonly onClose: () => void }) {
  const [name, setName] = useState('');
  const [description, setDescription] = useState('');
  const [isShared, setShared] = useState(false);
  const keep = useWrite({
    write: () =>
      send<LogQuery>('POST', '/v1/audit/queries', {
        name: name.trim(),
        description: description.trim(),
        shared: isShared,
        filter: Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined)),
      }),
    changes: ['saved queries'],
    done: (query) => `${query.name} is kept`,
    onDone: onClose,
  });
  return (
    <Modal opened onClose={onClose} title="Keep this query" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (name.trim() !== '' && !keep.isPending) keep.mutate(undefined);
        }}
      >
        <TextInput label="Name" withAsterisk value={name} onChange={(event) => setName(event.currentTarget.value)} />
        <TextInput
          label="What it is for"
          value={description}
          onChange={(event) => setDescription(event.currentTarget.value)}
        />
        <Switch
          label="Everybody sees it"
          checked={isShared}
          onChange={(event) => setShared(event.currentTarget.checked)}
        />
        {keep.isError ? <ErrorNotice error={keep.error} /> : null}
        <ActButton needs="POST /v1/audit/queries" type="submit" disabled={name.trim() === ''} loading={keep.isPending}>
          Keep it
        </ActButton>
      </form>
    </Modal>
  );
}
