import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// Many tests start processes, and loading takes most of the time of a start.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('node_modules/.cache/compile', import.meta.url));

export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['test/setup/global.ts'],
    setupFiles: ['test/setup/properties.ts'],
    reporters: ['default', './test/setup/stall-reporter.ts'],
    pool: 'forks',
    // Files share a process, and what was loaded for the one before: loading was a tenth of the time.
    isolate: false,
    // More than a small machine has cores: tests that wait for processes leave them idle.
    maxWorkers: 4,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What is waited for comes as soon as it can; a busy machine is no failure.
    expect: { poll: { timeout: 20_000, interval: 20 } },
  },
});
