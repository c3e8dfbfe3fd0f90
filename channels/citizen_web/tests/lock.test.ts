import { readFileSync } from 'node:fs'

import { expect, it } from 'vitest'

interface Locked {
  packages: Record<string, { resolved?: string; integrity?: string; link?: boolean }>
}

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as Locked
const locked = Object.entries(packages).filter(([path]) => path !== '')

it('locks every package by its content', () => {
  expect(locked.length).toBeGreaterThan(100)
  expect(locked.filter(([, { integrity }]) => integrity === undefined)).toEqual([])
})

it('names no place to download from, so that every installation uses its own', () => {
  expect(locked.filter(([, { resolved }]) => resolved !== undefined)).toEqual([])
})
