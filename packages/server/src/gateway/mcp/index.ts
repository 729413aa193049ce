/** The MCP entrance. Nothing deeper in this folder is imported from outside. */
export type { McpEntranceConfig } from './config.ts';
export {
  createMcpEntrance,
  type McpEntrance,
  type McpEntranceStats,
  type McpObserver,
} from './entrance.ts';
