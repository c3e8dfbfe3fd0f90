import { readFileSync } from 'node:fs'

import { describe, expect, it } from 'vitest'

const style = readFileSync('miniprogram/app.wxss', 'utf8')
const [light = '', dark = ''] = style.split('@media (prefers-color-scheme: dark)')

function colours(css: string): Record<string, string> {
  const block = /page \{([\s\S]*?)\}/.exec(css)?.[1] ?? ''
  return Object.fromEntries([...block.matchAll(/--([\w-]+): (#[0-9a-f]{6})/g)].map(([, name = '', value = '']) => [name, value]))
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function contrast(a: string, b: string): number {
  const [high = 0, low = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x)
  return (high + 0.05) / (low + 0.05)
}

const PAIRS = [
  ['text', 'bg'], ['text', 'surface'], ['text-soft', 'bg'], ['text-soft', 'surface'], ['on-primary', 'primary'], ['primary-text', 'surface'], ['primary-text', 'bg'],
  ['primary-text', 'primary-soft'], ['text', 'primary-soft'], ['text-soft', 'primary-soft'], ['danger-text', 'danger-soft'], ['danger-text', 'surface'],
  ['ok-text', 'ok-soft'], ['accent-text', 'accent-soft'],
] as const

describe.each([['light', colours(light)], ['dark', colours(dark)]])('by %s', (_name, palette) => {
  it.each(PAIRS)('%s on %s can be read', (front, back) => {
    expect(contrast(palette[front] ?? '', palette[back] ?? '')).toBeGreaterThanOrEqual(4.5)
  })
})
