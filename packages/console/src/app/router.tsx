/** Every room with its address and what its address may carry. */
import type { QueryClient } from '@tanstack/react-query';
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router';
import { engagementQuery } from '../api/engagement-queries.ts';
import { permissionsQuery, sessionQuery } from '../api/queries.ts';
import { ErrorNotice } from '../ui/Notice.tsx';
import { NotFound } from './NotFound.tsx';
import { Shell } from './Shell.tsx';
import { flag, oneOf, optional, text } from './search.ts';

interface Context {
  readonly queryClient: QueryClient;
}

const root = createRootRouteWithContext<Context>()({ component: Outlet, notFoundComponent: NotFound });

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: (search) =>
    optional({ to: text(search.to), ended: flag(search.ended), refused: text(search.refused) }),
  component: lazyRouteComponent(() => import('../rooms/sign-in/SignIn.tsx'), 'SignIn'),
});

/** Of a client, so without the rooms around it. */
const connect = createRoute({
  getParentRoute: () => root,
  path: '/connect/$request',
  beforeLoad: async ({ context, location }) => {
    const session = await context.queryClient.ensureQueryData(sessionQuery);
    if (session === null) throw redirect({ to: '/sign-in', search: { to: location.href } });
    await context.queryClient.ensureQueryData(permissionsQuery);
  },
  component: lazyRouteComponent(() => import('../rooms/connect/Connect.tsx'), 'Connect'),
  errorComponent: ({ error, reset }) => <Failed error={error} retry={reset} />,
});

const notConnected = createRoute({
  getParentRoute: () => root,
  path: '/connect',
  validateSearch: (search) => optional({ refused: text(search.refused) }),
  component: lazyRouteComponent(() => import('../rooms/connect/NotConnected.tsx'), 'NotConnected'),
});

const signedIn = createRoute({
  getParentRoute: () => root,
  id: 'in',
  beforeLoad: async ({ context, location }) => {
    const session = await context.queryClient.ensureQueryData(sessionQuery);
    if (session === null) throw redirect({ to: '/sign-in', search: { to: location.href } });
    // Before anything is drawn: rooms leave out what would be refused.
    await context.queryClient.ensureQueryData(permissionsQuery);
  },
  component: Shell,
  errorComponent: ({ error, reset }) => <Failed error={error} retry={reset} />,
});

function Failed({ error, retry }: { readonly error: unknown; readonly retry: () => void }) {
  return (
    <main style={{ padding: 24, maxWidth: 640 }}>
      <ErrorNotice error={error} retry={retry} />
    </main>
  );
}

const home = createRoute({
  getParentRoute: () => signedIn,
  path: '/',
  beforeLoad: async ({ context }) => {
    const session = await context.queryClient.ensureQueryData(sessionQuery);
    // Whoever is let in by an engagement begins there.
    if (typeof session?.engagement === 'string')
      throw redirect({
        to: '/engagements/$engagement',
        params: { engagement: session.engagement },
        search: {},
        replace: true,
      });
    throw redirect({ to: '/agents', replace: true });
  },
});

const agents = createRoute({
  getParentRoute: () => signedIn,
  path: '/agents',
  validateSearch: (search) =>
    optional({
      tab: oneOf(search.tab, ['requests', 'transfers', 'unregistered', 'issuers', 'clients']),
      q: text(search.q),
      status: oneOf(search.status, ['active', 'suspended', 'revoked']),
      role: text(search.role),
      owner: text(search.owner),
      attention: oneOf(search.attention, ['dormant', 'never_used', 'expiring', 'expired', 'no_credential', 'orphan']),
      show: oneOf(search.show, ['requested', 'approved', 'denied', 'withdrawn', 'expired', 'all']),
      create: flag(search.create),
    }),
  component: lazyRouteComponent(() => import('../rooms/agents/Agents.tsx'), 'Agents'),
});

const agent = createRoute({
  getParentRoute: () => signedIn,
  path: '/agents/$agent',
  validateSearch: (search) =>
    optional({
      tab: oneOf(search.tab, [
        'tools',
        'budgets',
        'credentials',
        'authority',
        'ownership',
        'versions',
        'blast-radius',
        'log',
        'stops',
        'answers',
      ]),
      at: text(search.at),
      question: oneOf(search.question, ['authority', 'blast_radius', 'activity', 'revocation']),
      from: text(search.from),
      to: text(search.to),
    }),
  component: lazyRouteComponent(() => import('../rooms/agents/AgentPage.tsx'), 'AgentPage'),
});

const agentRequest = createRoute({
  getParentRoute: () => signedIn,
  path: '/agent-requests/$request',
  component: lazyRouteComponent(() => import('../rooms/agents/requests/RequestPage.tsx'), 'RequestPage'),
});

const transfer = createRoute({
  getParentRoute: () => signedIn,
  path: '/transfers/$task',
  component: lazyRouteComponent(() => import('../rooms/transfers/TaskPage.tsx'), 'TaskPage'),
});

const roles = createRoute({
  getParentRoute: () => signedIn,
  path: '/roles',
  component: lazyRouteComponent(() => import('../rooms/roles/Roles.tsx'), 'Roles'),
});

const newRole = createRoute({
  getParentRoute: () => signedIn,
  path: '/new-role',
  component: lazyRouteComponent(() => import('../rooms/roles/NewRole.tsx'), 'NewRole'),
});

const role = createRoute({
  getParentRoute: () => signedIn,
  path: '/roles/$role',
  validateSearch: (search) =>
    optional({
      tab: oneOf(search.tab, ['edit', 'revisions', 'agents', 'budgets', 'blast-radius']),
      find: text(search.find),
    }),
  component: lazyRouteComponent(() => import('../rooms/roles/RolePage.tsx'), 'RolePage'),
});

const matrix = createRoute({
  getParentRoute: () => signedIn,
  path: '/matrix',
  validateSearch: (search) =>
    optional({
      q: text(search.q),
      role: text(search.role),
      show: oneOf(search.show, ['read', 'write', 'granted']),
    }),
  component: lazyRouteComponent(() => import('../rooms/matrix/Matrix.tsx'), 'Matrix'),
});

const servers = createRoute({
  getParentRoute: () => signedIn,
  path: '/servers',
  validateSearch: (search) => optional({ create: flag(search.create) }),
  component: lazyRouteComponent(() => import('../rooms/servers/Servers.tsx'), 'Servers'),
});

const server = createRoute({
  getParentRoute: () => signedIn,
  path: '/servers/$server',
  validateSearch: (search) =>
    optional({
      status: oneOf(search.status, ['waiting', 'live', 'off']),
      definition: text(search.definition),
    }),
  component: lazyRouteComponent(() => import('../rooms/servers/ServerPage.tsx'), 'ServerPage'),
});

const secret = createRoute({
  getParentRoute: () => signedIn,
  path: '/secrets/$secret',
  component: lazyRouteComponent(() => import('../rooms/servers/secrets/SecretPage.tsx'), 'SecretPage'),
});

const httpApi = createRoute({
  getParentRoute: () => signedIn,
  path: '/apis/$api',
  validateSearch: (search) => optional({ definition: text(search.definition) }),
  component: lazyRouteComponent(() => import('../rooms/servers/ApiPage.tsx'), 'ApiPage'),
});

const log = createRoute({
  getParentRoute: () => signedIn,
  path: '/log',
  validateSearch: (search) =>
    optional({
      agent: text(search.agent),
      about: text(search.about),
      owner: text(search.owner),
      action: text(search.action),
      verdict: oneOf(search.verdict, ['allow', 'deny', 'review']),
      reason_class: text(search.reason_class),
      tool: text(search.tool),
      server: text(search.server),
      kind: text(search.kind),
      session: text(search.session),
      run: text(search.run),
      approval: text(search.approval),
      from: text(search.from),
      to: text(search.to),
      q: text(search.q),
      args: text(search.args),
      event: text(search.event),
    }),
  component: lazyRouteComponent(() => import('../rooms/log/Log.tsx'), 'Log'),
});

const policy = createRoute({
  getParentRoute: () => signedIn,
  path: '/policy/$revision',
  component: lazyRouteComponent(() => import('../rooms/policy/PolicyPage.tsx'), 'PolicyPage'),
});

const blastRadius = createRoute({
  getParentRoute: () => signedIn,
  path: '/blast-radius',
  validateSearch: (search) => optional({ tab: oneOf(search.tab, ['workspace', 'proposals']) }),
  component: lazyRouteComponent(() => import('../rooms/blast-radius/BlastRadiusRoom.tsx'), 'BlastRadiusRoom'),
});

const changes = createRoute({
  getParentRoute: () => signedIn,
  path: '/changes',
  validateSearch: (search) => optional({ show: oneOf(search.show, ['drafts', 'ready', 'all', 'live', 'settings']) }),
  component: lazyRouteComponent(() => import('../rooms/changes/Changes.tsx'), 'Changes'),
});

const change = createRoute({
  getParentRoute: () => signedIn,
  path: '/changes/$change',
  component: lazyRouteComponent(() => import('../rooms/changes/ChangePage.tsx'), 'ChangePage'),
});

const alerts = createRoute({
  getParentRoute: () => signedIn,
  path: '/alerts',
  validateSearch: (search) =>
    optional({
      show: oneOf(search.show, ['all', 'cases', 'incidents', 'settings']),
      severity: oneOf(search.severity, ['informational', 'low', 'medium', 'high', 'critical']),
      source: text(search.source),
      rule: text(search.rule),
      subject: text(search.subject),
      case: text(search.case),
      overdue: flag(search.overdue),
      synthetic: oneOf(search.synthetic, ['include']),
      q: text(search.q),
    }),
  component: lazyRouteComponent(() => import('../rooms/alerts/Alerts.tsx'), 'Alerts'),
});

const alert = createRoute({
  getParentRoute: () => signedIn,
  path: '/alerts/$alert',
  component: lazyRouteComponent(() => import('../rooms/alerts/AlertPage.tsx'), 'AlertPage'),
});

const incident = createRoute({
  getParentRoute: () => signedIn,
  path: '/incidents/$incident',
  component: lazyRouteComponent(() => import('../rooms/incidents/IncidentPage.tsx'), 'IncidentPage'),
});

const detections = createRoute({
  getParentRoute: () => signedIn,
  path: '/detections',
  validateSearch: (search) => optional({ tab: oneOf(search.tab, ['tests']) }),
  component: lazyRouteComponent(() => import('../rooms/detections/Detections.tsx'), 'Detections'),
});

const detection = createRoute({
  getParentRoute: () => signedIn,
  path: '/detections/$rule',
  component: lazyRouteComponent(() => import('../rooms/detections/DetectionPage.tsx'), 'DetectionPage'),
});

const pipelines = createRoute({
  getParentRoute: () => signedIn,
  path: '/pipelines',
  validateSearch: (search) => optional({ create: flag(search.create) }),
  component: lazyRouteComponent(() => import('../rooms/pipelines/Pipelines.tsx'), 'Pipelines'),
});

const pipeline = createRoute({
  getParentRoute: () => signedIn,
  path: '/pipelines/$sink',
  validateSearch: (search) => optional({ tab: oneOf(search.tab, ['ledger', 'set-aside', 'settings']) }),
  component: lazyRouteComponent(() => import('../rooms/pipelines/PipelinePage.tsx'), 'PipelinePage'),
});

const retention = createRoute({
  getParentRoute: () => signedIn,
  path: '/retention',
  validateSearch: (search) => optional({ tab: oneOf(search.tab, ['holds', 'disposals', 'redactions']) }),
  component: lazyRouteComponent(() => import('../rooms/retention/Retention.tsx'), 'Retention'),
});

const reviews = createRoute({
  getParentRoute: () => signedIn,
  path: '/reviews',
  validateSearch: (search) => optional({ tab: oneOf(search.tab, ['campaigns', 'policy']) }),
  component: lazyRouteComponent(() => import('../rooms/reviews/Reviews.tsx'), 'Reviews'),
});

const review = createRoute({
  getParentRoute: () => signedIn,
  path: '/reviews/$review',
  validateSearch: (search) => optional({ tab: oneOf(search.tab, ['items', 'remediations', 'recheck', 'signatures']) }),
  component: lazyRouteComponent(() => import('../rooms/reviews/ReviewPage.tsx'), 'ReviewPage'),
});

const evidence = createRoute({
  getParentRoute: () => signedIn,
  path: '/evidence',
  validateSearch: (search) =>
    optional({
      tab: oneOf(search.tab, ['bundles', 'samples', 'tie-outs']),
      from: text(search.from),
      to: text(search.to),
    }),
  // To whoever is let in by an engagement there is one period.
  beforeLoad: async ({ context, search }) => {
    const session = await context.queryClient.ensureQueryData(sessionQuery);
    if (typeof session?.engagement !== 'string' || search.from !== undefined) return;
    const { period_from: from, period_to: to } = await context.queryClient.ensureQueryData(
      engagementQuery(session.engagement),
    );
    throw redirect({ to: '/evidence', search: { ...search, from: from.slice(0, 10), to: to.slice(0, 10) } });
  },
  component: lazyRouteComponent(() => import('../rooms/evidence/Evidence.tsx'), 'Evidence'),
});

const sample = createRoute({
  getParentRoute: () => signedIn,
  path: '/evidence/samples/$sample',
  component: lazyRouteComponent(() => import('../rooms/evidence/SamplePage.tsx'), 'SamplePage'),
});

const tieOut = createRoute({
  getParentRoute: () => signedIn,
  path: '/evidence/tie-outs/$tieOut',
  component: lazyRouteComponent(() => import('../rooms/evidence/TieOutPage.tsx'), 'TieOutPage'),
});

const evidenceReport = createRoute({
  getParentRoute: () => signedIn,
  path: '/evidence/$report',
  validateSearch: (search) => optional({ from: text(search.from), to: text(search.to), table: text(search.table) }),
  component: lazyRouteComponent(() => import('../rooms/evidence/ReportPage.tsx'), 'ReportPage'),
});

const readiness = createRoute({
  getParentRoute: () => signedIn,
  path: '/readiness',
  validateSearch: (search) =>
    optional({
      tab: oneOf(search.tab, ['criteria', 'deficiencies', 'runs', 'duties']),
      from: text(search.from),
      to: text(search.to),
    }),
  component: lazyRouteComponent(() => import('../rooms/readiness/Readiness.tsx'), 'Readiness'),
});

const control = createRoute({
  getParentRoute: () => signedIn,
  path: '/readiness/$control',
  validateSearch: (search) => optional({ from: text(search.from), to: text(search.to) }),
  component: lazyRouteComponent(() => import('../rooms/readiness/ControlPage.tsx'), 'ControlPage'),
});

const engagements = createRoute({
  getParentRoute: () => signedIn,
  path: '/engagements',
  component: lazyRouteComponent(() => import('../rooms/engagements/Engagements.tsx'), 'Engagements'),
});

const engagement = createRoute({
  getParentRoute: () => signedIn,
  path: '/engagements/$engagement',
  validateSearch: (search) =>
    optional({
      tab: oneOf(search.tab, [
        'overview',
        'evidence',
        'requests',
        'walkthrough',
        'reperformance',
        'entries',
        'notes',
        'access',
      ]),
    }),
  component: lazyRouteComponent(() => import('../rooms/engagements/EngagementPage.tsx'), 'EngagementPage'),
});

const approvals = createRoute({
  getParentRoute: () => signedIn,
  path: '/approvals',
  validateSearch: (search) => optional({ show: oneOf(search.show, ['decided', 'mine', 'delegations']) }),
  component: lazyRouteComponent(() => import('../rooms/approvals/Approvals.tsx'), 'Approvals'),
});

const approval = createRoute({
  getParentRoute: () => signedIn,
  path: '/approvals/$approval',
  component: lazyRouteComponent(() => import('../rooms/approvals/ApprovalPage.tsx'), 'ApprovalPage'),
});

const freezes = createRoute({
  getParentRoute: () => signedIn,
  path: '/freezes',
  validateSearch: (search) =>
    optional({ freeze: text(search.freeze), month: text(search.month), create: flag(search.create) }),
  component: lazyRouteComponent(() => import('../rooms/freezes/Freezes.tsx'), 'Freezes'),
});

const containment = createRoute({
  getParentRoute: () => signedIn,
  path: '/containment',
  validateSearch: (search) =>
    optional({
      scope: oneOf(search.scope, ['agent', 'role', 'owner', 'tool', 'workspace']),
      target: text(search.target),
      tab: oneOf(search.tab, ['quarantine', 'breakers', 'drills', 'receipts', 'people']),
      stop: text(search.stop),
      quarantine: text(search.quarantine),
      place: text(search.place),
      breaker: text(search.breaker),
      rehearsal: text(search.rehearsal),
      create: flag(search.create),
    }),
  component: lazyRouteComponent(() => import('../rooms/containment/Containment.tsx'), 'Containment'),
});

const signals = createRoute({
  getParentRoute: () => signedIn,
  path: '/signals',
  validateSearch: (search) =>
    optional({ tab: oneOf(search.tab, ['sources', 'transmitters']), create: flag(search.create) }),
  component: lazyRouteComponent(() => import('../rooms/signals/Signals.tsx'), 'Signals'),
});

const budgets = createRoute({
  getParentRoute: () => signedIn,
  path: '/budgets',
  validateSearch: (search) => optional({ of: oneOf(search.of, ['role', 'owner', 'agent']), name: text(search.name) }),
  component: lazyRouteComponent(() => import('../rooms/budgets/BudgetsRoom.tsx'), 'BudgetsRoom'),
});

const dryRun = createRoute({
  getParentRoute: () => signedIn,
  path: '/dry-run',
  validateSearch: (search) => optional({ agent: text(search.agent), action: text(search.action) }),
  component: lazyRouteComponent(() => import('../rooms/dry-run/DryRun.tsx'), 'DryRun'),
});

const people = createRoute({
  getParentRoute: () => signedIn,
  path: '/people',
  validateSearch: (search) =>
    optional({
      tab: oneOf(search.tab, ['people', 'groups', 'sign-in', 'provisioning', 'sessions']),
      q: text(search.q),
      group: text(search.group),
      source: oneOf(search.source, ['hand', 'sign_in', 'directory']),
      active: oneOf(search.active, ['yes', 'no']),
      open: text(search.open),
      create: flag(search.create),
    }),
  component: lazyRouteComponent(() => import('../rooms/people/People.tsx'), 'People'),
});

const person = createRoute({
  getParentRoute: () => signedIn,
  path: '/people/$person',
  component: lazyRouteComponent(() => import('../rooms/people/PersonPage.tsx'), 'PersonPage'),
});

const account = createRoute({
  getParentRoute: () => signedIn,
  path: '/account',
  component: lazyRouteComponent(() => import('../rooms/account/Account.tsx'), 'Account'),
});

const system = createRoute({
  getParentRoute: () => signedIn,
  path: '/system',
  validateSearch: (search) => optional({ tab: oneOf(search.tab, ['health', 'keys', 'guards', 'channels']) }),
  component: lazyRouteComponent(() => import('../rooms/system/System.tsx'), 'System'),
});

const tree = root.addChildren([
  signIn,
  connect,
  notConnected,
  signedIn.addChildren([
    home,
    agents,
    agent,
    agentRequest,
    transfer,
    roles,
    newRole,
    role,
    matrix,
    servers,
    server,
    secret,
    httpApi,
    log,
    policy,
    blastRadius,
    changes,
    change,
    approvals,
    approval,
    alerts,
    alert,
    incident,
    detections,
    detection,
    pipelines,
    pipeline,
    retention,
    reviews,
    review,
    evidence,
    evidenceReport,
    readiness,
    control,
    engagements,
    engagement,
    sample,
    tieOut,
    containment,
    freezes,
    signals,
    budgets,
    dryRun,
    people,
    person,
    account,
    system,
  ]),
]);

export function makeRouter(queryClient: QueryClient) {
  return createRouter({
    routeTree: tree,
    context: { queryClient },
    defaultPreload: 'intent',
    scrollRestoration: false,
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
