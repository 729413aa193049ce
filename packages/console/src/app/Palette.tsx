import { Spotlight } from '@mantine/spotlight';
import {
  IconActivity,
  IconArchive,
  IconBan,
  IconBell,
  IconChecklist,
  IconFileCertificate,
  IconFlame,
  IconFlask,
  IconGauge,
  IconGitPullRequest,
  IconHandStop,
  IconHeartRateMonitor,
  IconListCheck,
  IconLogout,
  IconPlus,
  IconRadar,
  IconRadar2,
  IconRobot,
  IconSearch,
  IconServer2,
  IconShare3,
  IconShieldLock,
  IconSnowflake,
  IconTable,
  IconUser,
  IconUsers,
} from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type ReactNode, useEffect, useState } from 'react';
import { agentSearchQuery, rolesQuery, serversQuery } from '../api/queries.ts';
import { paletteStore } from './palette-store.ts';
import { useSignOut } from './sign-out.ts';

interface Jump {
  readonly id: string;
  readonly label: string;
  readonly detail?: string;
  readonly icon: ReactNode;
  readonly go: () => void;
}

const MOST_EACH = 6;
const ICON = { size: 16, 'aria-hidden': true } as const;

/** Jump to a room, an agent, a role, a server, or an act: mod+K. */
export function Palette() {
  const [typed, setTyped] = useState('');
  const [opened, setOpened] = useState(false);
  const navigate = useNavigate();
  const signOut = useSignOut();
  const words = typed.trim().toLowerCase();
  const agents = useQuery({ ...agentSearchQuery(words, MOST_EACH), enabled: opened });
  const roles = useQuery({ ...rolesQuery, enabled: opened });
  const servers = useQuery({ ...serversQuery, enabled: opened });

  const has = (text: string): boolean => text.toLowerCase().includes(words);
  const rooms: readonly Jump[] = [
    {
      id: 'agents',
      label: 'Agents',
      detail: 'requests, transfers, workload issuers',
      icon: <IconRobot {...ICON} />,
      go: () => navigate({ to: '/agents' }),
    },
    { id: 'roles', label: 'Roles', icon: <IconShieldLock {...ICON} />, go: () => navigate({ to: '/roles' }) },
    {
      id: 'changes',
      label: 'Changes',
      detail: 'to review, drafts, settings',
      icon: <IconGitPullRequest {...ICON} />,
      go: () => navigate({ to: '/changes' }),
    },
    {
      id: 'blast-radius',
      label: 'Blast radius',
      detail: 'worst case, least privilege',
      icon: <IconFlame {...ICON} />,
      go: () => navigate({ to: '/blast-radius' }),
    },
    { id: 'matrix', label: 'Access matrix', icon: <IconTable {...ICON} />, go: () => navigate({ to: '/matrix' }) },
    { id: 'servers', label: 'MCP servers', icon: <IconServer2 {...ICON} />, go: () => navigate({ to: '/servers' }) },
    {
      id: 'approvals',
      label: 'Approvals',
      detail: 'calls that wait for people',
      icon: <IconHandStop {...ICON} />,
      go: () => navigate({ to: '/approvals' }),
    },
    {
      id: 'log',
      label: 'Log',
      detail: 'every action, as it happens',
      icon: <IconActivity {...ICON} />,
      go: () => navigate({ to: '/log' }),
    },
    { id: 'dry-run', label: 'Dry run', icon: <IconFlask {...ICON} />, go: () => navigate({ to: '/dry-run' }) },
    {
      id: 'alerts',
      label: 'Alerts',
      detail: 'cases, incidents',
      icon: <IconBell {...ICON} />,
      go: () => navigate({ to: '/alerts' }),
    },
    {
      id: 'detections',
      label: 'Detections',
      detail: 'rules over the log, and their tests',
      icon: <IconRadar {...ICON} />,
      go: () => navigate({ to: '/detections' }),
    },
    {
      id: 'pipelines',
      label: 'Pipelines',
      detail: 'the log in your SIEM, delivery ledger',
      icon: <IconShare3 {...ICON} />,
      go: () => navigate({ to: '/pipelines' }),
    },
    {
      id: 'retention',
      label: 'Retention',
      detail: 'periods, legal holds, disposals, redactions',
      icon: <IconArchive {...ICON} />,
      go: () => navigate({ to: '/retention' }),
    },
    {
      id: 'reviews',
      label: 'Access reviews',
      detail: 'my queue, campaigns, remediations, sign-off',
      icon: <IconListCheck {...ICON} />,
      go: () => navigate({ to: '/reviews' }),
    },
    {
      id: 'evidence',
      label: 'Evidence',
      detail: 'reports of a period, bundles, samples, tie-outs',
      icon: <IconFileCertificate {...ICON} />,
      go: () => navigate({ to: '/evidence' }),
    },
    {
      id: 'readiness',
      label: 'Readiness',
      detail: 'where each control stands, deficiencies, runs',
      icon: <IconChecklist {...ICON} />,
      go: () => navigate({ to: '/readiness' }),
    },
    {
      id: 'stops',
      label: 'Containment',
      detail: 'kill switch, quarantine, breakers',
      icon: <IconBan {...ICON} />,
      go: () => navigate({ to: '/containment' }),
    },
    {
      id: 'freezes',
      label: 'Freezes',
      detail: 'when nothing may change',
      icon: <IconSnowflake {...ICON} />,
      go: () => navigate({ to: '/freezes' }),
    },
    {
      id: 'signals',
      label: 'Signals',
      detail: 'risks, sources, transmitters',
      icon: <IconRadar2 {...ICON} />,
      go: () => navigate({ to: '/signals' }),
    },
    {
      id: 'budgets',
      label: 'Budgets',
      detail: 'caps and rates, and what is left',
      icon: <IconGauge {...ICON} />,
      go: () => navigate({ to: '/budgets' }),
    },
    {
      id: 'people',
      label: 'People',
      detail: 'groups, sign-in, provisioning, sessions',
      icon: <IconUsers {...ICON} />,
      go: () => navigate({ to: '/people' }),
    },
    { id: 'account', label: 'Your account', icon: <IconUser {...ICON} />, go: () => navigate({ to: '/account' }) },
    {
      id: 'system',
      label: 'System',
      detail: 'health, keys, guards, channels',
      icon: <IconHeartRateMonitor {...ICON} />,
      go: () => navigate({ to: '/system' }),
    },
  ];
  const acts: readonly Jump[] = [
    {
      id: 'new-agent',
      label: 'New agent',
      icon: <IconPlus {...ICON} />,
      go: () => navigate({ to: '/agents', search: { create: true } }),
    },
    { id: 'new-role', label: 'New role', icon: <IconPlus {...ICON} />, go: () => navigate({ to: '/new-role' }) },
    {
      id: 'new-server',
      label: 'Register an MCP server',
      icon: <IconPlus {...ICON} />,
      go: () => navigate({ to: '/servers', search: { create: true } }),
    },
    { id: 'sign-out', label: 'Sign out', icon: <IconLogout {...ICON} />, go: signOut },
  ];
  const groups: readonly (readonly [string, readonly Jump[]])[] = [
    ['Rooms', rooms.filter(({ label, detail = '' }) => has(label) || has(detail))],
    [
      'Agents',
      (agents.data?.data ?? [])
        // While the next answer is on its way, the list is still the one before.
        .filter(({ name, owner }) => has(name) || has(owner))
        .slice(0, MOST_EACH)
        .map(({ id, name, owner }) => ({
          id,
          label: name,
          detail: owner,
          icon: <IconRobot {...ICON} />,
          go: () => navigate({ to: '/agents/$agent', params: { agent: name } }),
        })),
    ],
    [
      'Roles',
      (roles.data ?? [])
        .filter(({ name, description }) => has(name) || has(description))
        .slice(0, MOST_EACH)
        .map(({ name, description }) => ({
          id: `role ${name}`,
          label: name,
          detail: description,
          icon: <IconShieldLock {...ICON} />,
          go: () => navigate({ to: '/roles/$role', params: { role: name } }),
        })),
    ],
    [
      'MCP servers',
      (servers.data ?? [])
        .filter(({ namespace }) => has(namespace))
        .slice(0, MOST_EACH)
        .map(({ id, namespace, endpoint, command }) => ({
          id,
          label: namespace,
          detail: endpoint ?? command?.join(' ') ?? '',
          icon: <IconServer2 {...ICON} />,
          go: () => navigate({ to: '/servers/$server', params: { server: namespace } }),
        })),
    ],
    ['Do', acts.filter(({ label }) => has(label))],
  ];
  const found = groups.filter(([, jumps]) => jumps.length > 0);
  const shown = found.flatMap(([, jumps]) => jumps.map(({ id }) => id)).join(' ');
  // Spotlight selects the first action when something is typed, not when an answer of the server comes after it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: it runs when other actions are shown
  useEffect(() => {
    if (words !== '') selectFirst();
  }, [shown]);
  return (
    <Spotlight.Root
      store={paletteStore}
      title="Jump to"
      classNames={{ header: 'visually-hidden' }}
      query={typed}
      onQueryChange={setTyped}
      shortcut={['mod + K']}
      lockScroll={false}
      scrollable
      maxHeight={420}
      onSpotlightOpen={() => setOpened(true)}
      onSpotlightClose={() => setOpened(false)}
    >
      <Spotlight.Search
        placeholder="Room, agent, role, server…"
        aria-label="Jump to"
        leftSection={<IconSearch {...ICON} />}
      />
      <Spotlight.ActionsList>
        {found.map(([label, jumps]) => (
          <Spotlight.ActionsGroup key={label} label={label}>
            {jumps.map(({ id, label: name, detail, icon, go }) => (
              <Spotlight.Action
                key={id}
                label={name}
                {...(detail === undefined ? {} : { description: detail })}
                leftSection={icon}
                onClick={() => void go()}
              />
            ))}
          </Spotlight.ActionsGroup>
        ))}
        {found.length === 0 ? <Spotlight.Empty>Nothing has that name.</Spotlight.Empty> : null}
      </Spotlight.ActionsList>
    </Spotlight.Root>
  );
}

function selectFirst(): void {
  const actions = document.querySelectorAll('.mantine-Spotlight-action');
  if ([...actions].some((each) => each.hasAttribute('data-selected'))) return;
  actions[0]?.setAttribute('data-selected', 'true');
  paletteStore.updateState((state) => ({ ...state, selected: 0 }));
}
