/** The server as a library: tests, the demo and the bench start it in their own process. */
export { type Config, loadConfig } from './config.ts';
export { Failure } from './errors.ts';
export { type RunningServer, startServer } from './server.ts';
