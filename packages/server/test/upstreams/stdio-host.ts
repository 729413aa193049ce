/** A stand-in for HiveKey that starts a stdio server with a child and waits to be killed. Argument: file for the two process ids. */
import { openStdio, scripted } from './connect.ts';

const opened = await openStdio(scripted('stay'));
await opened.call('children', { pidFile: process.argv[2] ?? '' });
setInterval(() => undefined, 1_000_000);
