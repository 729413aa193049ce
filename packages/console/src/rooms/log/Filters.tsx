import { Button, CloseButton, Popover, Select, TextInput } from '@mantine/core';
import { DateTimePicker } from '@mantine/dates';
import '@mantine/dates/styles.layer.css';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconClock, IconFilterPlus, IconSearch } from '@tabler/icons-react';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { clockTime, readTime } from '../../ui/format.ts';
import { AgentPicker, CapabilityPicker, OwnerPicker } from '../../ui/Pickers.tsx';
import classes from './log.module.css';

const route = getRouteApi('/in/log');
const TYPING_MS = 250;

const KINDS = [
  { value: 'calls', label: 'Calls' },
  { value: 'all', label: 'Everything' },
  { value: 'tool.result', label: 'Results of calls' },
  { value: 'agent.created', label: 'Agents created' },
  { value: 'agent.changed', label: 'Agents changed' },
  { value: 'agent.revoked', label: 'Agents killed' },
  { value: 'agent.restored', label: 'Agents restored' },
  { value: 'token.minted', label: 'Tokens minted' },
  { value: 'token.revoked', label: 'Tokens revoked' },
  { value: 'key.created', label: 'Admin keys created' },
  { value: 'key.revoked', label: 'Admin keys revoked' },
  { value: 'role.changed', label: 'Roles changed' },
  { value: 'policy.changed', label: 'Policy changed' },
  { value: 'capability.changed', label: 'Capabilities changed' },
  { value: 'server.changed', label: 'MCP servers changed' },
  { value: 'tool.changed', label: 'Definitions changed' },
  { value: 'containment.ordered', label: 'Stops ordered' },
  { value: 'containment.lifted', label: 'Stops lifted' },
  { value: 'session.started', label: 'Console sign-ins' },
  { value: 'log.read', label: 'Reads of the log' },
  { value: 'log.exported', label: 'Exports of the log' },
  { value: 'gateway.refused', label: 'Refused at the door' },
];

export function Filters() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const set = (part: Partial<typeof search>) => navigate({ search: (old) => ({ ...old, ...part }), replace: true });
  const setText = useDebouncedCallback((q: string) => set({ q: q || undefined }), TYPING_MS);
  const setAction = useDebouncedCallback((action: string | undefined) => set({ action }), TYPING_MS);
  const [action, showAction] = useState(search.action);
  return (
    <search className={classes.filters} aria-label="Filter the log">
      <div style={{ width: 140 }}>
        <AgentPicker
          label="Agent"
          hideLabel
          clearable
          placeholder="Any agent"
          value={search.agent}
          onChange={(agent) => set({ agent })}
        />
      </div>
      <div style={{ width: 150 }}>
        <OwnerPicker
          label="Owner"
          hideLabel
          onlyKnown
          clearable
          placeholder="Any owner"
          value={search.owner}
          onChange={(owner) => set({ owner })}
        />
      </div>
      <div style={{ width: 140 }}>
        <CapabilityPicker
          label="Action"
          hideLabel
          placeholder="Any action"
          value={action}
          onChange={(next) => {
            showAction(next);
            setAction(next);
          }}
        />
      </div>
      <Select
        aria-label="Verdict"
        placeholder="Any verdict"
        clearable
        data={['allow', 'deny', 'review']}
        value={search.verdict ?? null}
        onChange={(verdict) => set({ verdict: (verdict ?? undefined) as typeof search.verdict })}
        w={120}
      />
      <Select
        aria-label="Kind of event"
        data={KINDS}
        searchable
        value={search.kind ?? 'calls'}
        onChange={(kind) => set({ kind: kind === null || kind === 'calls' ? undefined : kind })}
        w={120}
      />
      <Period from={search.from} to={search.to} onChange={set} />
      <TextInput
        aria-label="Reason contains"
        placeholder="Words in the reason"
        leftSection={<IconSearch size={14} aria-hidden />}
        defaultValue={search.q ?? ''}
        onChange={(event) => setText(event.currentTarget.value)}
        w={170}
      />
      {CHIPS.map(([name, label]) => {
        const value = search[name];
        return value === undefined ? null : (
          <span key={name} className={classes.chip}>
            {label} <span className="mono truncate">{value}</span>
            <CloseButton size="xs" aria-label={`Any ${label}`} onClick={() => set({ [name]: undefined })} />
          </span>
        );
      })}
      <More search={search} onChange={set} />
    </search>
  );
}

/** What stands as a chip while it is chosen. */
const CHIPS = [
  ['about', 'about'],
  ['reason_class', 'why'],
  ['tool', 'tool'],
  ['server', 'server'],
  ['session', 'session'],
  ['run', 'run'],
  ['approval', 'approval'],
  ['args', 'arguments'],
] as const;

const REASON_CLASSES = [
  'granted',
  'scope',
  'guard',
  'cap',
  'rate',
  'freeze',
  'containment',
  'credential',
  'error',
] as const;

type Chosen = Readonly<Partial<Record<(typeof CHIPS)[number][0], string | undefined>>>;

/** Filters that are needed less often. */
function More({ search, onChange }: { readonly search: Chosen; readonly onChange: (part: Chosen) => void }) {
  const [opened, setOpened] = useState(false);
  const [draft, setDraft] = useState<Chosen>({});
  const field = (name: keyof Chosen, label: string) => (
    <TextInput
      label={label}
      value={draft[name] ?? ''}
      onChange={(event) => setDraft({ ...draft, [name]: event.currentTarget.value || undefined })}
    />
  );
  return (
    <Popover opened={opened} onChange={setOpened} width={330} position="bottom-start" trapFocus>
      <Popover.Target>
        <Button
          variant="default"
          leftSection={<IconFilterPlus size={14} aria-hidden />}
          onClick={() => {
            setDraft(Object.fromEntries(CHIPS.map(([name]) => [name, search[name]])));
            setOpened(!opened);
          }}
        >
          More
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <form
          className="stack-tight"
          onSubmit={(event) => {
            event.preventDefault();
            onChange(draft);
            setOpened(false);
          }}
        >
          <Select
            label="Why it was decided so"
            clearable
            data={[...REASON_CLASSES]}
            value={draft.reason_class ?? null}
            onChange={(next) => setDraft({ ...draft, reason_class: next ?? undefined })}
            comboboxProps={{ withinPortal: false }}
          />
          {field('tool', 'Tool, as it was called')}
          {field('server', 'MCP server or API')}
          {field('args', 'Words in the arguments, as recorded')}
          {field('session', 'Session')}
          {field('run', 'Run')}
          {field('approval', 'Approval')}
          {field('about', 'Everything about an agent')}
          <Button type="submit">Apply</Button>
        </form>
      </Popover.Dropdown>
    </Popover>
  );
}

const PRESETS = [
  ['15 min', 15 * 60_000],
  ['1 hour', 3_600_000],
  ['24 hours', 86_400_000],
  ['7 days', 7 * 86_400_000],
  ['30 days', 30 * 86_400_000],
] as const;

type Bounds = { from?: string | undefined; to?: string | undefined };

function Period({ from, to, onChange }: Bounds & { readonly onChange: (bounds: Bounds) => void }) {
  const [opened, setOpened] = useState(false);
  return (
    <Popover opened={opened} onChange={setOpened} width={350} position="bottom-start" trapFocus>
      <Popover.Target>
        <Button variant="default" leftSection={<IconClock size={14} aria-hidden />} onClick={() => setOpened(!opened)}>
          {periodWords(from, to)}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <div className="stack-tight">
          <div className="row-wrap">
            {PRESETS.map(([label, ms]) => (
              <Button
                key={label}
                variant="default"
                size="compact-xs"
                onClick={() => {
                  onChange({ from: new Date(Date.now() - ms).toISOString(), to: undefined });
                  setOpened(false);
                }}
              >
                Last {label}
              </Button>
            ))}
          </div>
          <DateTimePicker
            label="From"
            placeholder="the beginning"
            clearable
            withSeconds
            popoverProps={{ withinPortal: false }}
            value={localText(from)}
            onChange={(value) => onChange({ from: isoOf(value) })}
          />
          <DateTimePicker
            label="Before"
            placeholder="now, and on"
            clearable
            withSeconds
            popoverProps={{ withinPortal: false }}
            value={localText(to)}
            onChange={(value) => onChange({ to: isoOf(value) })}
          />
          <Button
            variant="default"
            disabled={from === undefined && to === undefined}
            onClick={() => {
              onChange({ from: undefined, to: undefined });
              setOpened(false);
            }}
          >
            Any time
          </Button>
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}

function periodWords(from: string | undefined, to: string | undefined): string {
  const words = (iso: string) => {
    const date = readTime(iso);
    return date === undefined ? iso : clockTime(date, Date.now()).replace(/\.\d+$/, '');
  };
  if (from === undefined && to === undefined) return 'Any time';
  if (to === undefined) return `Since ${words(from ?? '')}`;
  return from === undefined ? `Before ${words(to)}` : `${words(from)} – ${words(to)}`;
}

/** The picker's own form, `2026-11-25 14:02:04`, in local time. */
function localText(iso: string | undefined): string | null {
  const date = iso === undefined ? undefined : readTime(iso);
  if (date === undefined) return null;
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19).replace('T', ' ');
}

function isoOf(value: string | null): string | undefined {
  return value === null ? undefined : new Date(value.replace(' ', 'T')).toISOString();
}
