export { agentRoutes } from './routes.ts';
export { tokenRoutes } from './token-routes.ts';
