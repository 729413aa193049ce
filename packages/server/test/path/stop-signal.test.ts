import { describe, expect, test } from 'vitest';
import { abortSignalOf, StopController } from '../../src/stop-signal.ts';

describe('StopController', () => {
  test('tells each listener once, in the tick of the stop, and none that was taken away or came late', () => {
    const stop = new StopController();
    const heard: string[] = [];
    const second = () => heard.push('second');
    stop.addEventListener('abort', () => heard.push('first'));
    stop.addEventListener('abort', second);
    stop.addEventListener('abort', () => heard.push('third'));
    stop.removeEventListener('abort', second);
    expect([stop.aborted, heard]).toEqual([false, []]);
    stop.abort();
    expect([stop.aborted, heard]).toEqual([true, ['first', 'third']]);
    stop.abort();
    stop.addEventListener('abort', () => heard.push('late'));
    expect(heard).toEqual(['first', 'third']);
  });

  test('becomes an AbortSignal that follows it', () => {
    const stop = new StopController();
    const before = abortSignalOf(stop);
    expect(before.aborted).toBe(false);
    stop.abort();
    expect([before.aborted, abortSignalOf(stop).aborted]).toEqual([true, true]);
    const { signal } = new AbortController();
    expect(abortSignalOf(signal)).toBe(signal);
  });
});
