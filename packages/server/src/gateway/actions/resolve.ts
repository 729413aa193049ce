/** Step 2 of the path for an agent's own tools: a request becomes an action. */
import { canonicalJson } from '@hivekey/action-log';
import { canonicalCapability, type JsonObject } from '@hivekey/policy';
import type { Action, ActionPath, Principal } from '../../path/index.ts';
import { recordedName } from './agent.ts';
import type { OwnTool, OwnTools } from './tools.ts';

/** Rules of refusals found here. */
export const RULE = { schema: 'input schema', name: 'name', entrance: 'entrance' } as const;

const MAX_PROBLEMS = 8;

/** What an agent asks for; the body of POST /v1/actions, and where it came from. */
export interface Asked {
  readonly action: string;
  readonly arguments: JsonObject;
  readonly sessionId?: string | undefined;
  readonly runId?: string | undefined;
  readonly traceparent?: string | undefined;
  readonly sourceAddress: string;
  readonly receivedAtMs: number;
}

/** A name as the caller wrote it, read among the capabilities granted. */
export interface Named {
  readonly capability: string;
  /** It can mean several of them. */
  readonly problem?: string;
}

/**
 * Read among what is granted only: whether the name also fits something hidden shows neither in the
 * capability nor in an ambiguity.
 */
export function capabilityNamed(name: string, granted: ReadonlySet<string>): Named {
  const named = canonicalCapability(name, granted);
  const recorded = recordedName(name);
  // A credential in the place of a name no longer looks like one once its underscore is a dot.
  if (named.ok) return { capability: recorded === name ? named.value : recorded };
  const meant = [...granted].find((each) => each.replaceAll('.', '_') === name);
  const [problem] = named.problems;
  return meant === undefined ? { capability: recorded } : { capability: meant, problem: problem?.message ?? '' };
}

/** Called again when policy or agent changed meanwhile, so it takes the principal of that moment. */
export async function resolveOwn(
  path: Pick<ActionPath, 'policy'>,
  tools: OwnTools,
  principal: Principal,
  asked: Asked,
): Promise<Action> {
  const policy = await path.policy(principal.workspaceId);
  const named = capabilityNamed(asked.action, policy.granted(principal.roles));
  const tool = (await tools.of(principal.workspaceId, policy)).get(named.capability);
  const said = {
    entrance: 'actions',
    capability: named.capability,
    tool: recordedName(asked.action),
    arguments: asked.arguments,
    argumentsJson: canonicalJson(asked.arguments),
    ...(asked.sessionId === undefined ? {} : { sessionId: asked.sessionId }),
    ...(asked.runId === undefined ? {} : { runId: asked.runId }),
    ...(asked.traceparent === undefined ? {} : { traceparent: asked.traceparent }),
    sourceAddress: asked.sourceAddress,
    receivedAtMs: asked.receivedAtMs,
    // Not the session and run: who repeats the call may do so from another.
    resumption: { request: () => ({ action: named.capability, arguments: asked.arguments }) },
  } as const;
  if (tool === undefined) return { ...said, known: false };
  const { access, destructive, sensitivePaths } = tool;
  return {
    ...said,
    known: true,
    access,
    destructive,
    sensitivePaths,
    get refuse() {
      return problemOf(named, tool, asked.arguments);
    },
  };
}

/** The path tells it only where the capability is granted, so that a hidden one stays as good as absent. */
function problemOf({ capability, problem }: Named, tool: OwnTool, args: JsonObject): Action['refuse'] {
  if (problem !== undefined) return { reasonClass: 'guard', rule: RULE.name, reason: `name: ${problem}` };
  if (tool.ofServer) {
    const reason = `entrance: ${capability} is a tool of an MCP server or HTTP API and runs through the gateway only`;
    return { reasonClass: 'guard', rule: RULE.entrance, reason };
  }
  const problems = tool.validate(args);
  if (problems.length === 0) return undefined;
  const reason = `The arguments do not fit the schema: ${problems.slice(0, MAX_PROBLEMS).join('; ')}`;
  return { reasonClass: 'guard', rule: RULE.schema, reason };
}
