/** The rules that are shipped. Their files are in packages/detections/rules. */
import type { RuleFile } from './load.ts';
import { SHIPPED_TEXTS } from './shipped-texts.ts';

/** Each under the name of its folder. */
export function shippedRules(): readonly RuleFile[] {
  return SHIPPED_TEXTS;
}
