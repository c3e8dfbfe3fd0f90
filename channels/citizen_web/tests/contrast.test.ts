import { readFileSync } from 'node:fs'

import { describe, expect, it } from 'vitest'

const css = readFileSync('src/styles/tokens.css', 'utf8')

function tokens(block: string): Map<string, string> {
  return new Map([...block.matchAll(/--lx-([\w-]+): (#[0-9a-f]{6});/g)].map(([, name, value]) => [name ?? '', value ?? '']))
}

/** WCAG 2.2: relative luminance of #rrggbb. */
function luminance(colour: string): number {
  const channel = (at: number) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  }
  return 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

function contrast(one: string, other: string): number {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number]
  return (light + 0.05) / (dark + 0.05)
}

const GROUNDS = ['bg', 'surface', 'surface-soft']
const TEXT_PAIRS: [string, string][] = [
  ...['text', 'text-soft', 'primary-text', 'danger-text'].flatMap((text) => GROUNDS.map((ground): [string, string] => [text, ground])),
  ...['accent', 'danger', 'ok', 'primary'].map((kind): [string, string] => [`${kind}-text`, `${kind}-soft`]),
  ...['primary', 'accent'].map((kind): [string, string] => ['text', `${kind}-soft`]),
  ['ok-text', 'bg'],
  ['on-primary', 'primary'],
  ['on-primary', 'primary-hover'],
  ['on-bar', 'bar'],
]
/** Frames of controls and the focus ring: 3 : 1 is enough for what is not text. */
const SHAPE_PAIRS: [string, string][] = GROUNDS.flatMap((ground): [string, string][] => [
  ['line-strong', ground],
  ['focus', ground],
])
const [light = '', dark = ''] = css.split('@media (prefers-color-scheme: dark)')

describe.each([
  ['light', light],
  ['dark', dark],
])('the tokens by %s', (_name, block) => {
  const colours = tokens(block)
  const of = (name: string) => colours.get(name) ?? 'missing'

  it.each(TEXT_PAIRS)('%s on %s reads at 4.5 : 1', (text, ground) => {
    expect(contrast(of(text), of(ground))).toBeGreaterThanOrEqual(4.5)
  })
  it.each(SHAPE_PAIRS)('%s on %s is seen at 3 : 1', (shape, ground) => {
    expect(contrast(of(shape), of(ground))).toBeGreaterThanOrEqual(3)
  })
})
