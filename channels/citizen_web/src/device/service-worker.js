/* Keeps the pages on the telephone, so that they open without a network. What the server says is never kept. */
const NAME = `lianxin-citizen-${'__VERSION__'}`
const FILES = __FILES__

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll(FILES)).then(() => self.skipWaiting()))
})

self.addEventListener('activate', (event) => {
  const forget = (names) => Promise.all(names.filter((name) => name.startsWith('lianxin-citizen-') && name !== NAME).map((name) => caches.delete(name)))
  event.waitUntil(caches.keys().then(forget).then(() => self.clients.claim()))
})

self.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  const scope = new URL(self.registration.scope).pathname
  if (request.method !== 'GET' || url.origin !== self.location.origin || !url.pathname.startsWith(scope)) return
  const page = request.mode === 'navigate'
  // Assets are named by their content and never change. The page itself is asked for first: a newer one may be there.
  event.respondWith(page ? fresh(request, scope) : kept(request))
})

async function fresh(request, scope) {
  try {
    const signal = AbortSignal.timeout ? AbortSignal.timeout(4000) : undefined
    const answer = await fetch(request, { signal })
    if (answer.ok) return answer
    return (await caches.match(scope)) ?? answer
  } catch (error) {
    const found = await caches.match(scope)
    if (found) return found
    throw error
  }
}

async function kept(request) {
  return (await caches.match(request)) ?? fetch(request)
}
