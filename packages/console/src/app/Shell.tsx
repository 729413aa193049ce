import { ActionIcon, Burger, Drawer, Menu, Tooltip, useMantineColorScheme } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
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
  IconMoon,
  IconRadar,
  IconRadar2,
  IconRobot,
  IconSearch,
  IconServer2,
  IconShare3,
  IconShieldLock,
  IconSnowflake,
  IconSun,
  IconSunMoon,
  IconTable,
  IconUser,
  IconUsers,
  IconZoomCheck,
} from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import { useEffect } from 'react';
import { alertSummaryQuery } from '../api/alert-queries.ts';
import { waitingChangesQuery } from '../api/change-queries.ts';
import { activeQuarantinesQuery, activeStopsQuery, sessionQuery, waitingQuery } from '../api/queries.ts';
import { plural } from '../ui/format.ts';
import { NotForYou } from '../ui/Notice.tsx';
import { Page } from '../ui/Page.tsx';
import mark from './mark.svg';
import { Palette } from './Palette.tsx';
import { palette } from './palette-store.ts';
import classes from './Shell.module.css';
import { StepUp } from './StepUp.tsx';
import { useSignOut } from './sign-out.ts';

const ROOMS = [
  [
    { to: '/agents', label: 'Agents', icon: IconRobot },
    { to: '/roles', label: 'Roles', icon: IconShieldLock },
    { to: '/matrix', label: 'Access matrix', icon: IconTable },
    { to: '/servers', label: 'MCP servers', icon: IconServer2 },
    { to: '/changes', label: 'Changes', icon: IconGitPullRequest },
    { to: '/blast-radius', label: 'Blast radius', icon: IconFlame },
  ],
  [
    { to: '/approvals', label: 'Approvals', icon: IconHandStop },
    { to: '/log', label: 'Log', icon: IconActivity },
    { to: '/dry-run', label: 'Dry run', icon: IconFlask },
    { to: '/budgets', label: 'Budgets', icon: IconGauge },
  ],
  [
    { to: '/alerts', label: 'Alerts', icon: IconBell },
    { to: '/detections', label: 'Detections', icon: IconRadar },
    { to: '/pipelines', label: 'Pipelines', icon: IconShare3 },
    { to: '/retention', label: 'Retention', icon: IconArchive },
  ],
  [
    { to: '/reviews', label: 'Access reviews', icon: IconListCheck },
    { to: '/evidence', label: 'Evidence', icon: IconFileCertificate },
    { to: '/readiness', label: 'Readiness', icon: IconChecklist },
    { to: '/engagements', label: 'Auditors', icon: IconZoomCheck },
  ],
  [
    { to: '/containment', label: 'Containment', icon: IconBan },
    { to: '/freezes', label: 'Freezes', icon: IconSnowflake },
    { to: '/signals', label: 'Signals', icon: IconRadar2 },
  ],
  [
    { to: '/people', label: 'People', icon: IconUsers },
    { to: '/system', label: 'System', icon: IconHeartRateMonitor },
  ],
] as const;

/** What people of an audit firm are let in to see. */
const ROOMS_OF_FIRMS = [
  [
    { to: '/engagements', label: 'Engagement', icon: IconZoomCheck },
    { to: '/evidence', label: 'Evidence', icon: IconFileCertificate },
  ],
] as const;

/** Around every room: the workspace, the ways to go, and what is stopped. */
export function Shell() {
  const [opened, { toggle, close }] = useDisclosure();
  const pathname = useRouterState({ select: (state) => state.location.pathname });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the menu closes when one has gone somewhere
  useEffect(close, [pathname]);
  return (
    <div className={classes.shell}>
      <a href="#content" className={classes.skip}>
        Skip to content
      </a>
      <div className={classes.topBar}>
        <Burger opened={opened} onClick={toggle} size="sm" aria-label="Menu" />
        <Workspace />
      </div>
      <aside className={classes.side}>
        <Side />
      </aside>
      <Drawer
        opened={opened}
        onClose={close}
        position="left"
        size={256}
        title="Menu"
        closeButtonProps={{ 'aria-label': 'Close menu' }}
      >
        <Side />
      </Drawer>
      <main id="content" className={classes.main} tabIndex={-1}>
        <SampleBanner />
        <Room />
      </main>
      <JumpTo />
      <StepUp />
    </div>
  );
}

/** It finds what people of an audit firm are not let in to see. */
function JumpTo() {
  const { data: session } = useQuery(sessionQuery);
  return typeof session?.engagement === 'string' ? null : <Palette />;
}

/** On every page, so that no picture of it is taken for a real one. */
function SampleBanner() {
  const { data: session } = useQuery(sessionQuery);
  if (session?.workspace.sample_data !== true) return null;
  return <p className={classes.sample}>Sample data: made up to show the product.</p>;
}

/** Whoever has no role yet sees their own account, and what is missing. */
function Room() {
  const { data: session } = useQuery(sessionQuery);
  const pathname = useRouterState({ select: (state) => state.location.pathname });
  // Signed out, and on the way to the sign-in page.
  if (session === undefined || session === null) return null;
  if (session.roles.length > 0 || pathname === '/account') return <Outlet />;
  return (
    <Page title="Welcome">
      <NotForYou>You are signed in, and have no role in this workspace yet.</NotForYou>
    </Page>
  );
}

function Side() {
  const { data: session } = useQuery(sessionQuery);
  const isOfFirm = typeof session?.engagement === 'string';
  const enabled = (session?.roles.length ?? 0) > 0 && !isOfFirm;
  const rooms: readonly (typeof ROOMS)[number][] | typeof ROOMS_OF_FIRMS = isOfFirm ? ROOMS_OF_FIRMS : ROOMS;
  const { data: stops = [] } = useQuery({ ...activeStopsQuery, enabled });
  const { data: quarantines = [] } = useQuery({ ...activeQuarantinesQuery, enabled });
  const contained = stops.length + quarantines.length;
  const { data: waiting } = useQuery({ ...waitingQuery, enabled });
  const { data: changes } = useQuery({ ...waitingChangesQuery, enabled });
  const { data: alerts } = useQuery({ ...alertSummaryQuery, enabled });
  const grave = alerts === undefined ? 0 : alerts.unclosed.critical + alerts.unclosed.high;
  return (
    <div className={classes.sideInner}>
      <Workspace />
      {isOfFirm ? null : (
        <button type="button" className={classes.search} onClick={palette.open}>
          <IconSearch size={14} aria-hidden />
          <span>Jump to…</span>
          <kbd>{isApple() ? '⌘' : 'Ctrl '}K</kbd>
        </button>
      )}
      <nav aria-label="Rooms" className={classes.nav}>
        {rooms.map((group) => (
          <ul key={group[0].to}>
            {group.map(({ to, label, icon: Icon }) => (
              <li key={to}>
                <Link to={to} className={classes.room} activeProps={{ 'data-active': true, 'aria-current': 'page' }}>
                  <Icon size={16} stroke={1.8} aria-hidden />
                  <span>{label}</span>
                  {to === '/containment' && contained > 0 ? (
                    <span className={classes.count}>
                      {contained}
                      <span className="visually-hidden"> active</span>
                    </span>
                  ) : null}
                  {to === '/alerts' && grave > 0 ? (
                    <span className={classes.count}>
                      {grave}
                      <span className="visually-hidden"> high or critical to look at</span>
                    </span>
                  ) : null}
                  {to === '/changes' && changes !== undefined && changes.data.length > 0 ? (
                    <span className={classes.count} data-tone="review">
                      {changes.data.length}
                      {changes.has_more ? '+' : ''}
                      <span className="visually-hidden"> to review</span>
                    </span>
                  ) : null}
                  {to === '/approvals' && waiting !== undefined && waiting.data.length > 0 ? (
                    <span className={classes.count} data-tone="review">
                      {waiting.data.length}
                      {waiting.has_more ? '+' : ''}
                      <span className="visually-hidden"> waiting</span>
                    </span>
                  ) : null}
                </Link>
              </li>
            ))}
          </ul>
        ))}
      </nav>
      {stops.some(({ scope }) => scope === 'workspace') ? (
        <Link to="/containment" className={classes.stopped}>
          <IconBan size={16} aria-hidden />
          The workspace is stopped
        </Link>
      ) : stops.length > 0 ? (
        <p className="visually-hidden">{plural(stops.length, 'active stop')}</p>
      ) : null}
      <Account />
    </div>
  );
}

function Workspace() {
  const { data: session } = useQuery(sessionQuery);
  const name = session?.workspace.name ?? '';
  return (
    <div className={classes.workspace}>
      <img src={mark} width={22} height={22} alt="HiveKey" />
      <span className="truncate" title={name}>
        {name}
      </span>
      <span className={classes.environment} title="Environment">
        {session?.workspace.environment}
      </span>
    </div>
  );
}

const SCHEMES = [
  { value: 'auto', label: 'As the system', icon: IconSunMoon },
  { value: 'light', label: 'Light', icon: IconSun },
  { value: 'dark', label: 'Dark', icon: IconMoon },
] as const;

function Account() {
  const { data: session } = useQuery(sessionQuery);
  // Keeping transitions: stopping them would write a <style> element.
  const { colorScheme, setColorScheme } = useMantineColorScheme({ keepTransitions: true });
  const signOut = useSignOut();
  const Icon = SCHEMES.find(({ value }) => value === colorScheme)?.icon ?? IconSunMoon;
  return (
    <div className={classes.account}>
      <Link to="/account" className={classes.me} title="Your account, sessions and passkeys">
        <IconUser size={14} aria-hidden />
        <span className="truncate">
          <span className="visually-hidden">Your account, </span>
          {session?.key?.name ?? session?.person?.email}
        </span>
      </Link>
      <Menu position="top-end" width={170}>
        <Menu.Target>
          <ActionIcon aria-label="Colours" title="Colours">
            <Icon size={16} aria-hidden />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {SCHEMES.map(({ value, label, icon: Each }) => (
            <Menu.Item
              key={value}
              leftSection={<Each size={14} aria-hidden />}
              rightSection={colorScheme === value ? '✓' : null}
              onClick={() => setColorScheme(value)}
            >
              {label}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      <Tooltip label="Sign out">
        <ActionIcon aria-label="Sign out" onClick={signOut}>
          <IconLogout size={16} aria-hidden />
        </ActionIcon>
      </Tooltip>
    </div>
  );
}

function isApple(): boolean {
  return /Mac|iPhone|iPad/.test(navigator.userAgent);
}
