/** What WeChat's tool would complain about, found without it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

import { expect, it } from 'vitest'

import { en } from '../miniprogram/words/en'
import { zh } from '../miniprogram/words/zh'

const ROOT = 'miniprogram'
const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
const templates = files.filter((name) => name.endsWith('.wxml'))
const read = (name: string) => readFileSync(join(ROOT, name), 'utf8')
const json = (name: string) => JSON.parse(read(name)) as Record<string, unknown>

function flat(tree: object, prefix = ''): [string, string][] {
  return Object.entries(tree).flatMap(([key, value]): [string, string][] => (typeof value === 'string' ? [[prefix + key, value]] : flat(value as object, `${prefix}${key}.`)))
}

const places = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort()

it('has every page that the program names, whole', () => {
  const { pages } = json('app.json') as { pages: string[] }
  for (const page of pages) for (const kind of ['ts', 'wxml', 'wxss', 'json']) expect(existsSync(join(ROOT, `${page}.${kind}`)), `${page}.${kind}`).toBe(true)
  expect(templates.filter((name) => name.startsWith('pages')).map((name) => name.replace('.wxml', '')).sort()).toEqual([...pages].sort())
})

it('has every component that a page uses, and uses every one that it has', () => {
  const used = files.filter((name) => name.endsWith('.json')).flatMap((name) => {
    const { usingComponents = {} } = json(name) as { usingComponents?: Record<string, string> }
    for (const tag of Object.keys(usingComponents)) expect(read(name.replace('.json', '.wxml')), `${tag} in ${name}`).toContain(`<${tag}`)
    return Object.values(usingComponents).map((path) => path.replace(/^\//, ''))
  })
  expect([...new Set(used)].sort()).toEqual(templates.filter((name) => name.startsWith('components')).map((name) => name.replace('.wxml', '')).sort())
})

it.each(templates)('%s binds only what its script does', (name) => {
  const script = read(name.replace('.wxml', '.ts'))
  const bound = [...read(name).matchAll(/\bbind:?\w+="(\w+)"/g)].map(([, handler]) => handler ?? '')
  expect(bound.filter((handler) => !new RegExp(`^    (async )?${handler}\\(`, 'm').test(script))).toEqual([])
})

it.each(templates)('%s asks only for words that there are, and has none of its own', (name) => {
  const said = new Set(flat(zh).map(([key]) => key))
  const asked = [...read(name).matchAll(/\bt\.(\w+(?:\.\w+)+)/g)].map(([, key]) => key ?? '')
  expect(asked.filter((key) => !said.has(key))).toEqual([])
  expect(read(name)).not.toMatch(/\p{Script=Han}/u)
})

it('says the same in both languages, with the same places to fill in', () => {
  const english = new Map(flat(en))
  expect(flat(zh).map(([key]) => key)).toEqual([...english.keys()])
  expect(flat(zh).filter(([key, text]) => String(places(text)) !== String(places(english.get(key) ?? '')))).toEqual([])
  expect([...english].filter(([, text]) => /\p{Script=Han}/u.test(text) || text.trim() === '')).toEqual([])
})

it('says nothing that nobody asks for', () => {
  const sources = files.filter((name) => /\.(ts|wxml)$/.test(name) && !name.startsWith('words/z') && !name.startsWith('words/en')).map(read).join('\n')
  // Those of a table are asked for by the code of their row.
  const tables = /^(type|type_hint|trouble|report\.ask|rating\.\w+_of)\./
  expect(flat(zh).map(([key]) => key).filter((key) => !tables.test(key) && !new RegExp(`\\b${(key.split('.').pop() ?? '')}\\b`).test(sources))).toEqual([])
})

it('imports only what is there, by paths that WeChat resolves', () => {
  for (const name of files.filter((one) => one.endsWith('.ts'))) {
    for (const [, path = ''] of read(name).matchAll(/from '(.+?)'/g)) {
      expect(path, name).toMatch(/^\.\.?\//)
      expect(existsSync(join(ROOT, dirname(name), `${path}.ts`)), `${path} in ${name}`).toBe(true)
    }
  }
})

it('asks WeChat only for what it has declared', () => {
  const sources = files.filter((name) => name.endsWith('.ts')).map(read).join('\n')
  const { requiredPrivateInfos } = json('app.json') as { requiredPrivateInfos: string[] }
  const private_ = ['chooseLocation', 'getLocation', 'chooseAddress', 'choosePoi', 'getFuzzyLocation', 'onLocationChange']
  expect(private_.filter((name) => sources.includes(`wx.${name}`))).toEqual(requiredPrivateInfos)
})

it('weighs far less than the two megabytes that WeChat takes', () => {
  const bytes = files.filter((name) => /\.\w+$/.test(name)).reduce((sum, name) => sum + readFileSync(join(ROOT, name)).length, 0)
  expect(bytes).toBeLessThan(200_000)
  expect(relative('.', ROOT)).toBe('miniprogram')
})
