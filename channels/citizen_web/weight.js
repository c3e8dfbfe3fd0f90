// What a citizen's telephone loads before the first screen works, compressed: `npm run weight`. Fails above the limit.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { fileURLToPath, URL } from 'node:url'

const LIMIT = 150 * 1024
const dist = (name) => fileURLToPath(new URL(`dist/${name}`, import.meta.url))
const html = readFileSync(dist('index.html'), 'utf8')
const first = new Set(['index.html', ...[...html.matchAll(/(?:src|href)="\/citizen\/([^"]+)"/g)].map(([, name]) => name)])
// What an entry imports by name is loaded with it.
for (const name of first) {
  if (!name.endsWith('.js')) continue
  const code = readFileSync(dist(name), 'utf8')
  const folder = name.slice(0, name.lastIndexOf('/') + 1)
  for (const [, other] of code.matchAll(/(?:from|import)\s*["']\.\/([^"']+\.js)["']/g)) first.add(folder + other)
}
let total = 0
for (const name of first) {
  const size = statSync(dist(existsSync(dist(`${name}.gz`)) ? `${name}.gz` : name)).size
  total += size
  console.log(`${String(size).padStart(8)}  ${name}`)
}
console.log(`${String(total).padStart(8)}  bytes gzip in all, of ${LIMIT} that are allowed`)
process.exit(total <= LIMIT ? 0 : 1)
