/** What the figures were measured on. */
import { cpus, loadavg, release, totalmem } from 'node:os';

/** Above this the figures are of a machine that does something else, too. */
const QUIET_LOAD = 0.5;

export interface Machine {
  readonly facts: readonly string[];
  /** Told when the machine is not at rest. */
  readonly warning: string | undefined;
}

export function readMachine(): Machine {
  const cores = cpus();
  const [load = 0] = loadavg();
  const warning =
    load > QUIET_LOAD
      ? `The load average at the start was ${load.toFixed(2)}: other work took part of the machine, and absolute figures are worse than they would be at rest.`
      : undefined;
  return {
    facts: [
      `${cores.length} cores (${cores[0]?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 1024 ** 3)} GiB memory, Linux ${release()}`,
      `Node.js ${process.versions.node}`,
      `load average at the start ${load.toFixed(2)}`,
    ],
    warning,
  };
}
