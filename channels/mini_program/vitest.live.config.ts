import { defineConfig } from 'vitest/config'

/** Against a hotline that really runs: started by the Python tests, which say where it is. */
export default defineConfig({
  test: { environment: 'jsdom', include: ['tests/live/*.live.ts'], globalSetup: 'tests/build.ts', testTimeout: 30_000 },
})
