import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: { environment: 'jsdom', include: ['tests/**/*.test.ts'], globalSetup: 'tests/build.ts', setupFiles: 'tests/after_each.ts', testTimeout: 30_000 },
})
