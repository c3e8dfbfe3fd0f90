/** Files that wait to be sent: they are too large for short memory, and outlast the page in the browser's database. */

const NAME = 'lianxin-citizen'
const STORE = 'files'
const instead = new Map<string, Blob>()

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1)
    request.onupgradeneeded = () => request.result.createObjectStore(STORE)
    request.onsuccess = () => {
      resolve(request.result)
    }
    request.onerror = () => {
      reject(request.error ?? new Error('the database cannot be opened'))
    }
  })
}

async function within<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await open()
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode)
      const request = work(transaction.objectStore(STORE))
      transaction.oncomplete = () => {
        resolve(request.result)
      }
      transaction.onabort = transaction.onerror = () => {
        reject(transaction.error ?? new Error('not kept'))
      }
    })
  } finally {
    database.close()
  }
}

/** Keep a file; returns whether it outlasts the page. */
export async function keepFile(id: string, file: Blob): Promise<boolean> {
  try {
    await within('readwrite', (store) => store.put(file, id))
    return true
  } catch {
    instead.set(id, file)
    return false
  }
}

export async function keptFile(id: string): Promise<Blob | null> {
  const held = instead.get(id)
  if (held) return held
  try {
    return (await within<Blob | undefined>('readonly', (store) => store.get(id))) ?? null
  } catch {
    return null
  }
}

export async function dropFile(id: string): Promise<void> {
  instead.delete(id)
  try {
    await within('readwrite', (store) => store.delete(id))
  } catch {
    // Nothing was kept, or nothing can be: there is nothing to drop.
  }
}
