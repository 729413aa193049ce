/** Groups of people that a directory provides. Groups kept by hand are names in `people.groups` alone. */
export {
  type Actor,
  addMembers,
  changeGroup,
  createGroup,
  deleteGroup,
  type Group,
  leaveAllGroups,
  MEMBERS_AT_ONCE,
  namesOfDirectory,
  readGroup,
  removeMembers,
  setMembers,
  shrinkGroup,
} from './group.ts';
