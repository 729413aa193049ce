/** Who may answer a request for an agent, as far as the console can know; the server decides. Pure. */
import type { AgentRequest } from '../../../api/agent-types.ts';
import type { Me } from '../../../app/me.ts';

type Answer = 'approve' | 'deny' | 'withdraw';

/** Why not, apart from workspace roles; undefined where nothing is in the way. */
export function whyNot(answer: Answer, { requested_by, owner, name }: AgentRequest, me: Me): string | undefined {
  const isMine = me.actor === requested_by;
  if (answer === 'withdraw')
    return isMine || me.roles.includes('admin')
      ? undefined
      : `It was asked for by ${requested_by}: they withdraw it, or an administrator.`;
  if (isMine) return 'You asked for it yourself: somebody else looks at it.';
  if (answer === 'deny') return undefined;
  if (me.person === undefined)
    return 'People let agents in, and the admin key of this session belongs to none: sign in, or use a key of your own.';
  if (me.person.email === owner) return `${name} is to be yours: an owner lets no agent of their own in.`;
  return undefined;
}
