/** Where a browser goes after a sign-in: to a page of the console, never to what a link made up. Pure. */

/** First parts of the paths of the console's rooms. */
const ROOMS: ReadonlySet<string> = new Set([
  '',
  'account',
  'agent-requests',
  'agents',
  'alerts',
  'apis',
  'approvals',
  'blast-radius',
  'budgets',
  'changes',
  'connect',
  'containment',
  'detections',
  'dry-run',
  'engagements',
  'evidence',
  'freezes',
  'incidents',
  'log',
  'matrix',
  'new-role',
  'people',
  'pipelines',
  'policy',
  'readiness',
  'retention',
  'reviews',
  'roles',
  'servers',
  'signals',
  'system',
  'transfers',
]);
/** What a path and its query are written with; no backslash, no control, nothing that begins a host. */
const SHAPE = /^\/(?!\/)[A-Za-z0-9._~!$&'()*+,;=:@%/?-]{0,1000}$/;

/** The path if it leads to a room of the console, else the first room. */
export function returnPath(wanted: string | undefined): string {
  if (wanted === undefined || !SHAPE.test(wanted)) return '/';
  const url = URL.parse(wanted, 'https://console.invalid');
  if (url === null || url.origin !== 'https://console.invalid') return '/';
  // What stood between two slashes may be gone by now, as in /.//host: a browser reads the rest as a host.
  if (url.pathname.startsWith('//')) return '/';
  const [, room = ''] = url.pathname.split('/');
  return ROOMS.has(room) ? `${url.pathname}${url.search}` : '/';
}
