/** The crosswalk as evidence: a table that does not depend on what happened. */
import type { TableShape } from '@hivekey/evidence';
import { CONTROL_IDS } from '@hivekey/evidence/controls';
import { CROSSWALK } from '@hivekey/evidence/crosswalk';
import { column, population, type Report } from '../evidence/index.ts';

const SHAPE: TableShape = {
  name: 'crosswalk',
  title: 'What of HiveKey supports which control of which framework',
  columns: [
    column('framework', 'text', 'Whose control it is.'),
    column('version', 'text', 'Of the framework: the same id means other things in another version.'),
    column('id', 'id', 'Of the control in that version.'),
    column('our_feature', 'text', 'What supports it.'),
    column(
      'relation',
      'text',
      'Always `supports`: the mapping is our judgement, and says nothing of whether a control is met.',
    ),
    column('source', 'text', 'Where the ids are from, and how far that is to be relied upon.'),
    column('confirmed_on', 'text', 'Day the row was last looked at.'),
  ],
};

export const crosswalkReport: Report = {
  id: 'crosswalk',
  folder: '11_readiness',
  item: 0,
  title: 'Crosswalk',
  about:
    'Which controls of other frameworks, each with its version, our features support. It is our judgement and no official mapping; what was found of our own controls is in the readiness report.',
  controls: CONTROL_IDS,
  tables: [SHAPE],
  query: 'The rows of packages/evidence/src/crosswalk/crosswalk.ts of the version that made this file, in their order.',
  read: async () => {
    const made = population(SHAPE, CROSSWALK, { count: ['framework'] });
    return {
      rows: { [SHAPE.name]: made.rows },
      facts: async () => ({ [SHAPE.name]: made.facts({ file: CROSSWALK.length }) }),
    };
  },
};
