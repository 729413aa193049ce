export { capabilityRoutes } from './routes.ts';
