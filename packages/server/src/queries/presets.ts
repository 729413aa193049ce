/** Queries that everybody has. `{agent}` and the like are filled in by whoever asks. */
import { z } from 'zod';

export const presetSchema = z
  .object({
    object: z.literal('log_preset'),
    name: z.string(),
    title: z.string(),
    description: z.string(),
    needs: z.array(z.string()).meta({ description: 'Members of the filter that are to be filled in.' }),
    filter: z.record(z.string(), z.string()),
    last_seconds: z.int().nullable(),
  })
  .meta({ id: 'LogPreset' });
export type Preset = z.output<typeof presetSchema>;

const DAY = 86_400;

function preset(
  name: string,
  title: string,
  description: string,
  filter: Preset['filter'],
  lastSeconds: number | null,
  needs: readonly string[] = [],
): Preset {
  return { object: 'log_preset', name, title, description, needs: [...needs], filter, last_seconds: lastSeconds };
}

export const PRESETS: readonly Preset[] = [
  preset(
    'everything-an-agent-did',
    'Everything this agent did',
    'Calls and results, approvals, tokens, changes of it and by it, and what others did on its behalf.',
    {},
    90 * DAY,
    ['about'],
  ),
  preset('refused', 'What was refused', 'Calls that were denied.', { kind: 'tool.call', verdict: 'deny' }, DAY),
  preset('held', 'What was held', 'Calls that waited for people.', { kind: 'tool.call', verdict: 'review' }, 7 * DAY),
  preset('one-run', 'One run', 'All that one run of an agent did.', {}, null, ['run']),
  preset('one-approval', 'One approval', 'The held call, every answer, and what became of it.', {}, null, ['approval']),
  preset(
    'emergency-accounts',
    'Accounts for emergencies',
    'Who signed in to one.',
    { kind: 'break_glass.used' },
    90 * DAY,
  ),
  preset('policy', 'What was decided by', 'Each policy that came into force.', { kind: 'policy.changed' }, 90 * DAY),
  preset('stops', 'Stops', 'Agents, owners, tools that were stopped.', { kind: 'containment.ordered' }, 90 * DAY),
  preset('readers', 'Who read the log', 'Readers and what they selected.', { kind: 'log.read' }, 30 * DAY),
  preset('exports', 'Who exported the log', 'Exports and their ranges.', { kind: 'log.exported' }, 365 * DAY),
];
