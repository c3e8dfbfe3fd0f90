import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, URL } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

import vue from '@vitejs/plugin-vue'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

/** Where `npm run dev` finds a running server; the built pages are always same-origin. */
const server = process.env.LIANXIN_ORIGIN ?? 'http://127.0.0.1:8080'
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const COMPRESSIBLE = /\.(js|css|html|svg|webmanifest)$/
/** The telephone is large and of no use without a network: it is loaded by whoever calls. */
const NOT_OFFLINE = /jssip|telephone/i

/** Writes the service worker's list of files, and beside every text the compressed one that the server gives out. */
function offlineAndCompressed(): Plugin {
  return {
    name: 'offline-and-compressed',
    apply: 'build',
    writeBundle({ dir = here('dist') }) {
      const assets = readdirSync(join(dir, 'assets')).filter((name) => !NOT_OFFLINE.test(name)).sort()
      const worker = readFileSync(here('src/device/service-worker.js'), 'utf8')
      const version = createHash('sha256').update(readFileSync(join(dir, 'index.html'))).update(assets.join()).update(worker).digest('hex').slice(0, 12)
      const files = ['./', './favicon.svg', ...assets.map((name) => `./assets/${name}`)]
      writeFileSync(join(dir, 'sw.js'), worker.replace("'__VERSION__'", JSON.stringify(version)).replace('__FILES__', JSON.stringify(files)))
      for (const name of [...readdirSync(dir), ...readdirSync(join(dir, 'assets')).map((asset) => `assets/${asset}`)]) {
        if (!COMPRESSIBLE.test(name)) continue
        const text = readFileSync(join(dir, name))
        writeFileSync(join(dir, `${name}.gz`), gzipSync(text, { level: 9 }))
        writeFileSync(join(dir, `${name}.br`), brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }))
      }
    },
  }
}

export default defineConfig({
  base: '/citizen/',
  plugins: [vue(), offlineAndCompressed()],
  define: { __VUE_OPTIONS_API__: false, __VUE_PROD_DEVTOOLS__: false },
  resolve: { alias: { '@': here('src') } },
  server: { proxy: { '/api': server, '/sip': { target: server, ws: true } } },
  // Telephones that are six years old still get the pages.
  build: {
    target: ['es2020', 'chrome87', 'safari14'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // On a slow machine every build would otherwise end with a lecture on its plugins.
    rolldownOptions: { checks: { bundlerTimings: false } },
  },
  worker: { format: 'es' },
  test: { environment: 'happy-dom', include: ['tests/**/*.test.ts'], testTimeout: 30_000 },
})
