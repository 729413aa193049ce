import { SegmentedControl } from '@mantine/core';
import { getRouteApi } from '@tanstack/react-router';
import { Budgets } from '../../ui/Budgets.tsx';
import { Empty } from '../../ui/Notice.tsx';
import { Page } from '../../ui/Page.tsx';
import { AgentPicker, OwnerPicker, RolePicker } from '../../ui/Pickers.tsx';
import classes from './budgets.module.css';

const route = getRouteApi('/in/budgets');

const WHOSE = [
  { value: 'workspace', label: 'Workspace' },
  { value: 'role', label: 'Role' },
  { value: 'owner', label: 'Owner' },
  { value: 'agent', label: 'Agent' },
] as const;

const SAYS = {
  workspace: 'What all agents of the workspace share.',
  role: 'What the wearers of a role share, and what each of them has by it; up to 100 of them.',
  owner: 'What all agents of a person share.',
  agent: 'All that one agent is under: its own, and what it shares by role, owner and workspace.',
} as const;

export function BudgetsRoom() {
  const { of, name } = route.useSearch();
  const navigate = route.useNavigate();
  const scope = of ?? 'workspace';
  const field = {
    hideLabel: true,
    value: name,
    onChange: (next: string | undefined) => navigate({ search: { of, name: next }, replace: true }),
  };
  return (
    <Page
      title="Budgets"
      description="How full the caps and rates are now. Used includes what calls in flight have reserved; it counts over all nodes."
    >
      <div className={classes.whose}>
        <SegmentedControl
          aria-label="Whose budgets"
          data={[...WHOSE]}
          value={scope}
          onChange={(next) =>
            navigate({
              search: next === 'role' || next === 'owner' || next === 'agent' ? { of: next } : {},
              replace: true,
            })
          }
        />
        <div className={classes.name}>
          {of === 'role' ? <RolePicker label="Role" placeholder="Which role" {...field} /> : null}
          {of === 'owner' ? <OwnerPicker label="Owner" placeholder="Whose agents" onlyKnown {...field} /> : null}
          {of === 'agent' ? <AgentPicker label="Agent" placeholder="Which agent" {...field} /> : null}
        </div>
      </div>
      <p className="muted" style={{ marginBottom: 12 }}>
        {SAYS[scope]}
      </p>
      {of === undefined ? (
        <Budgets whose={{}} />
      ) : name === undefined ? (
        <Empty title={`Choose ${of === 'role' ? 'a' : 'an'} ${of}`} command={`npx hivekey budget list --${of} NAME`}>
          Its budgets show here as soon as it is chosen. From the command line:
        </Empty>
      ) : (
        <Budgets whose={{ [of]: name }} />
      )}
    </Page>
  );
}
