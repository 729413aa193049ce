/** How detections are spoken of. Pure. */
import type { Detection } from '../../api/detection-types.ts';
import { duration } from '../../ui/format.ts';

export function actionWords(action: Detection['action']): string {
  switch (action.kind) {
    case 'none':
      return 'tells';
    case 'risk':
      return `tells, raises a ${action.level} risk`;
    case 'quarantine':
      return 'tells, quarantines the agent';
    case 'breaker':
      return `tells, trips ${action.breaker}`;
    case 'stop_proposal':
      return 'tells, proposes to stop the agent';
  }
}

/** `1800` → `30 min`; a list as it is. */
export function parameterWords(name: string, value: Detection['parameters'][number]['value']): string {
  if (typeof value === 'number') return name.endsWith('_seconds') ? duration(value) : value.toLocaleString('en-US');
  return Array.isArray(value) ? value.join(', ') || 'none' : String(value);
}
