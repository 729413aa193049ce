/** The four list methods: finished bytes of what the agent may see, one authenticated page after the other. */
import type { JsonObject } from '@hivekey/policy';
import { type Caller, type Gateway, visibleTo } from './caller.ts';
import type { Exchange } from './exchange.ts';
import type { Binding } from './sealed.ts';
import { offersTasks } from './session-tasks.ts';
import type { ListName, Visible } from './visible.ts';
import { CODE } from './wire.ts';

const CURSOR_TTL_MS = 60 * 60 * 1000;

const LISTS: Readonly<Record<string, ListName>> = {
  'tools/list': 'tools',
  'resources/list': 'resources',
  'resources/templates/list': 'resourceTemplates',
  'prompts/list': 'prompts',
};

export function listOf(method: string): ListName | undefined {
  return Object.hasOwn(LISTS, method) ? LISTS[method] : undefined;
}

/** Lists of a kind of which the agent sees nothing do not exist for it, as on a server without that capability. */
function isOffered(visible: Visible, list: ListName): boolean {
  if (list === 'tools') return true;
  return list === 'prompts' ? visible.has('prompts') : visible.has('resources') || visible.has('resourceTemplates');
}

/** False when the agent is offered no such list; nothing has been answered then. */
export async function answerList(
  gateway: Gateway,
  caller: Caller,
  exchange: Exchange,
  list: ListName,
  params: JsonObject,
): Promise<boolean> {
  const { principal, namespace } = caller;
  const visible = await visibleTo(gateway, principal, namespace);
  if (!isOffered(visible, list)) return false;
  const binding: Binding = { purpose: 'cursor', workspaceId: principal.workspaceId, agentId: principal.agentId };
  const place = `${namespace ?? ''} ${list}`;
  let after: string | undefined;
  if (params.cursor !== undefined) {
    const opened = typeof params.cursor === 'string' ? gateway.sealer.open(binding, params.cursor) : undefined;
    if (opened?.place !== place || typeof opened.after !== 'string') {
      exchange.error(200, { code: CODE.invalidParams, message: 'Invalid cursor' });
      return true;
    }
    after = opened.after;
  }
  const form = caller.era === 'legacy' && offersTasks(caller.session) ? 'legacy with tasks' : caller.era;
  const page = visible.page(list, after, form, gateway.settings.pageSize, gateway.serverInfo);
  const next =
    page.lastKey === undefined
      ? ''
      : `"nextCursor":"${gateway.sealer.seal(binding, { place, after: page.lastKey }, CURSOR_TTL_MS)}",`;
  exchange.parts(`{"jsonrpc":"2.0","id":${JSON.stringify(exchange.id)},"result":{${next}`, page.tail);
  return true;
}
