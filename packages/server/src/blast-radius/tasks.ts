/** What is computed, here or in a thread. Pure. */
import { type BlastRadius, blastRadius, type RadiusSubject, type RadiusWorld } from '@hivekey/policy';
import { type Alike, radiusOfAlike } from './fleet.ts';
import { type SweptWorld, sweepWorld } from './sweep-world.ts';

interface OneTask {
  readonly kind: 'one';
  readonly world: RadiusWorld;
  readonly subject: RadiusSubject;
}
interface FleetTask {
  readonly kind: 'fleet';
  readonly world: RadiusWorld;
}
interface SweepTask {
  readonly kind: 'sweep';
  readonly world: RadiusWorld;
}

export type RadiusTask = OneTask | FleetTask | SweepTask;
export type ResultOf<Task extends RadiusTask> = Task extends OneTask
  ? BlastRadius
  : Task extends FleetTask
    ? readonly Alike[]
    : SweptWorld;

export function perform(task: RadiusTask): BlastRadius | readonly Alike[] | SweptWorld {
  switch (task.kind) {
    case 'one':
      return blastRadius(task.world, task.subject);
    case 'fleet':
      return radiusOfAlike(task.world);
    case 'sweep':
      return sweepWorld(task.world);
  }
}
