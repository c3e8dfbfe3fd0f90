import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

function flat(tree: object, prefix = ''): [string, string][] {
  return Object.entries(tree).flatMap(([key, value]): [string, string][] =>
    typeof value === 'string' ? [[prefix + key, value]] : flat(value as object, `${prefix}${key}.`),
  )
}

/** The shared texts and those that each page brings with it. */
const modules = import.meta.glob<{ default: object }>('/src/**/i18n/{zh-CN,en}.ts', { eager: true })
const textsOf = (language: string) =>
  Object.entries(modules).flatMap(([path, { default: texts }]) => (path.endsWith(`/${language}.ts`) ? flat(texts) : []))
const chinese = new Map(textsOf('zh-CN'))
const english = new Map(textsOf('en'))
const places = (words: string) => [...words.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort()

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((one) => {
    const path = join(folder, one.name)
    if (one.isDirectory()) return one.name === 'i18n' ? [] : sources(path)
    return /\.(ts|vue)$/.test(one.name) ? [path] : []
  })
}

describe('the two languages', () => {
  it('have the same keys', () => {
    expect([...english.keys()].sort()).toEqual([...chinese.keys()].sort())
  })

  it('say nothing twice: a page that brings a text of another name would change the other', () => {
    const keys = textsOf('zh-CN').map(([key]) => key)
    expect(keys.filter((key, at) => keys.indexOf(key) !== at)).toEqual([])
  })

  it('have the same places to fill in', () => {
    const differing = [...chinese].filter(([key, words]) => String(places(words)) !== String(places(english.get(key) ?? '')))
    expect(differing).toEqual([])
  })

  it('leave nothing unsaid and no Chinese in English', () => {
    expect([...chinese, ...english].filter(([, words]) => words.trim() === '')).toEqual([])
    expect([...english].filter(([key, words]) => /\p{Script=Han}/u.test(words) && key !== 'top.language')).toEqual([])
  })

  it('say every key that the sources ask for by its full name', () => {
    const asked = sources('src').flatMap((path) => [...readFileSync(path, 'utf8').matchAll(/\bt\('([\w.]+)'/g)].map(([, key]) => key ?? ''))
    expect(asked.length).toBeGreaterThan(100)
    expect(asked.filter((key) => !chinese.has(key))).toEqual([])
  })

  it('are not written into the sources themselves', () => {
    const han = sources('src').filter((path) => {
      const code = readFileSync(path, 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*|<!--[\s\S]*?-->/g, '')
      // The language switch names each language in itself; a Chinese keyboard's question mark is a key.
      return /\p{Script=Han}/u.test(code.replaceAll("'中文'", ''))
    })
    expect(han).toEqual([])
  })
})
