/**
 * Z3 in a process of its own: a question that takes too long, or too much memory, ends the process and nothing else.
 * Scripts come as messages and are answered in their order.
 */
import { init } from 'z3-solver';

const [, , memoryMb = ''] = process.argv;

const { Z3 } = await init();
Z3.global_param_set('memory_max_size', memoryMb);
// the same question is answered the same
Z3.global_param_set('smt.random_seed', '0');

process.on('message', (script: string) => {
  void answer(script).then((output) => process.send?.(output));
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');

async function answer(script: string): Promise<string> {
  const config = Z3.mk_config();
  const context = Z3.mk_context(config);
  try {
    return await Z3.eval_smtlib2_string(context, script);
  } catch (error) {
    return `(error "${error instanceof Error ? error.message : 'unknown'}")`;
  } finally {
    Z3.del_config(config);
    Z3.del_context(context);
  }
}
