/** What each command gets, and how its failure ends the process. */
import { HiveKey } from '@hivekey/sdk';
import type { Command } from 'commander';
import { exitCodeOf, explain } from './exit.ts';
import { resolveLogin } from './login.ts';
import { createOutput, type Output } from './output.ts';

export interface Run {
  readonly out: Output;
  readonly hivekey: HiveKey;
}

export interface CommonOptions {
  readonly json?: boolean;
  readonly url?: string;
}

/** A command that talks to the server. Its options are typed by the caller, who declared them. */
export function online<Args extends readonly unknown[], Options extends object>(
  work: (run: Run, options: Options, ...args: Args) => Promise<number | undefined>,
): (...given: unknown[]) => Promise<void> {
  return offline<Args, Options>((out, options, ...args) => {
    return work({ out, hivekey: connect((options as CommonOptions).url) }, options, ...args);
  });
}

/** The server of `--url`, or else as `resolveLogin` says. Throws a UsageError where there is no key. */
export function connect(givenUrl: string | undefined): HiveKey {
  const { url, key } = resolveLogin(givenUrl);
  return new HiveKey({ url, key, userAgent: 'hivekey-cli' });
}

/** A command that needs no server. What it returns is the exit code. */
export function offline<Args extends readonly unknown[], Options extends object>(
  work: (out: Output, options: Options & CommonOptions, ...args: Args) => Promise<number | undefined>,
): (...given: unknown[]) => Promise<void> {
  return async (...given) => {
    // Commander calls with the arguments, the options, and the command itself.
    const command = given.at(-1) as Command;
    const options = command.optsWithGlobals<Options & CommonOptions>();
    const args = given.slice(0, -2) as unknown as Args;
    try {
      process.exitCode = (await work(createOutput(options.json === true), options, ...args)) ?? 0;
    } catch (error) {
      process.stderr.write(`hivekey: ${explain(error)}`);
      process.exitCode = exitCodeOf(error);
    }
  };
}
