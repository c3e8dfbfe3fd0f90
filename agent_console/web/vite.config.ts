import { readdirSync } from 'node:fs'
import { fileURLToPath, URL } from 'node:url'

import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

/** Where `npm run dev` finds a running server; the built pages are always same-origin. */
const server = process.env.LIANXIN_ORIGIN ?? 'http://127.0.0.1:8080'
const page = (name: string) => fileURLToPath(new URL(name, import.meta.url))

export default defineConfig({
  base: '/',
  plugins: [vue()],
  define: {
    __VUE_OPTIONS_API__: false,
    __VUE_PROD_DEVTOOLS__: false,
    __VUE_I18N_LEGACY_API__: false,
    __VUE_I18N_FULL_INSTALL__: false,
    // Messages are compiled to an AST and interpreted, so a policy without unsafe-eval holds.
    __INTLIFY_JIT_COMPILATION__: true,
    __INTLIFY_DROP_MESSAGE_COMPILER__: false,
    __INTLIFY_PROD_DEVTOOLS__: false,
  },
  resolve: { alias: { '@': page('./src') } },
  server: {
    proxy: {
      '/api': server,
      '/socket.io': { target: server, ws: true },
      '/sip': { target: server, ws: true },
    },
  },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The page of the API's documentation carries one large reader of its own.
    chunkSizeWarningLimit: 2000,
    // Each page is an entry of its own: nobody loads another's desk.
    rollupOptions: { input: readdirSync(page('.')).filter((name) => name.endsWith('.html')).map((name) => page(`./${name}`)) },
  },
  test: { environment: 'happy-dom', include: ['tests/**/*.test.ts'], testTimeout: 30_000 },
})
