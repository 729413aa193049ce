/**
 * What could be taken away without anybody noticing, judged by use. Pure. Nothing is proposed that would have changed the
 * verdict of a call of the period; where that is not known, nothing is proposed.
 */
import { type Basis, type Proposal, UseIndex } from './judged.ts';
import { unusedGrants, unusedRoles, unwornRole } from './unused.ts';
import { guardProposals } from './wide.ts';

/** By role; then those of the workspace's guards, and of agents. */
export function propose(basis: Basis): Proposal[] {
  const { set, rolesBefore, guardsBefore, agents } = basis;
  const use = new UseIndex(basis);
  const roleNamed = new Map(set.roles.map((role) => [role.name, role]));
  return [
    ...set.roles.flatMap((role) => {
      const before = rolesBefore.get(role.name)?.map(({ guards }) => guards);
      return [
        ...unwornRole(basis, use, role),
        ...unusedGrants(basis, use, role),
        ...guardProposals(basis, use, { type: 'role', id: role.name }, role.guards, before),
      ];
    }),
    ...guardProposals(basis, use, { type: 'workspace_guards', id: '*' }, set.workspaceGuards, guardsBefore),
    ...agents.flatMap((agent) => unusedRoles(basis, use, agent, roleNamed)),
  ];
}
