/** Z3 compiled to WebAssembly, as far as it is used here: a script in, what it says out. */
import { init, type Z3_context } from 'z3-solver';

export interface Z3 {
  /** One script at a time. */
  run(script: string): Promise<string>;
  /** Ends its threads. */
  close(): void;
}

/** What of the compiled module is used beside its typed functions. */
interface Module {
  readonly HEAPU8: Uint8Array;
  _malloc(bytes: number): number;
  _free(pointer: number): void;
  async_call(start: () => void): Promise<unknown>;
  _async_Z3_eval_smtlib2_string(context: Z3_context, script: number): void;
  readonly PThread: { terminateAllThreads(): void };
}

export interface Z3Limits {
  readonly memoryMb: number;
  /** Of Z3's own measure of work for one script: the same on every machine, whatever else it does. */
  readonly steps: number;
}

export async function startZ3({ memoryMb, steps }: Z3Limits): Promise<Z3> {
  const { Z3, em } = await init();
  const module: Module = em;
  Z3.global_param_set('memory_max_size', String(memoryMb));

  async function evaluate(context: Z3_context, script: string): Promise<string> {
    // The typed function hands over a text on the stack, which is gone while another thread still reads it.
    const bytes = new TextEncoder().encode(`(set-option :rlimit ${steps})\n${script}\0`);
    const pointer = module._malloc(bytes.length);
    module.HEAPU8.set(bytes, pointer);
    try {
      return String(await module.async_call(() => module._async_Z3_eval_smtlib2_string(context, pointer)));
    } finally {
      module._free(pointer);
    }
  }

  return {
    run: async (script) => {
      const config = Z3.mk_config();
      const context = Z3.mk_context(config);
      try {
        return await evaluate(context, script);
      } finally {
        Z3.del_config(config);
        Z3.del_context(context);
      }
    },
    close: () => module.PThread.terminateAllThreads(),
  };
}
