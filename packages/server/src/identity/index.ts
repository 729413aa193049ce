/** Who may manage: admin keys and console sessions. */
export { ensureLiveKey } from './admin-keys.ts';
export { administratorOf } from './administrators.ts';
export { keyRoutes, sessionRoutes, signInRoutes } from './routes.ts';
