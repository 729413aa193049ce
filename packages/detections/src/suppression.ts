/** After a finding, how long no other of the same rule, clause and key is told. */
import { Keyed, type SavedKeyed } from './windows/keyed.ts';

interface Silence {
  /** Event time in milliseconds; from then on a finding is told again. */
  readonly until: number;
  readonly suppressed: number;
}

export class Suppression {
  readonly #silences = new Keyed<Silence>();

  /** How many findings were suppressed since the one before; undefined: this one is, too. */
  admit(key: string, at: number, lengthMs: number): number | undefined {
    if (lengthMs === 0) return 0;
    const silence = this.#silences.use(key);
    if (silence !== undefined && at < silence.until) {
      this.#silences.set(key, { until: silence.until, suppressed: silence.suppressed + 1 });
      return undefined;
    }
    this.#silences.set(key, { until: at + lengthMs, suppressed: 0 });
    return silence?.suppressed ?? 0;
  }

  save(): SavedKeyed<readonly [number, number]> {
    return this.#silences.save(({ until, suppressed }) => [until, suppressed]);
  }

  load(saved: SavedKeyed<readonly [number, number]>): void {
    this.#silences.load(saved, ([until, suppressed]) => ({ until, suppressed }));
  }
}
