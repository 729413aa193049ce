/** Client libraries that an installation adds itself. */
import { Failure } from '../../errors.ts';

/** Throws `sink_client_missing`. */
export async function loaded<Module>(name: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND')) throw error;
    throw new Failure(
      400,
      'sink_client_missing',
      `The client for this kind of receiver is not installed: ${name}.`,
      `Have an operator install it beside the server: npm install ${name}.`,
    );
  }
}
