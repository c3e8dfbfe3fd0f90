import { readFileSync } from 'node:fs'

import { describe, expect, it } from 'vitest'

const css = readFileSync('src/styles/tokens.css', 'utf8')

function tokens(selector: string): Map<string, string> {
  const block = css.slice(css.indexOf(`${selector} {`)).split('}')[0] ?? ''
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

const GROUNDS = ['bg', 'surface', 'surface-soft', 'hover']
const TEXT_PAIRS: [string, string][] = [
  ...['text', 'text-soft', 'text-faint', 'primary-text'].flatMap((text) => GROUNDS.map((ground): [string, string] => [text, ground])),
  ...['accent-text', 'danger-text', 'ok-text'].flatMap((text) => ['surface', 'surface-soft', 'hover'].map((ground): [string, string] => [text, ground])),
  ...['primary', 'accent', 'danger', 'ok'].flatMap((kind): [string, string][] => [
    [`on-${kind}`, kind],
    [`${kind}-text`, `${kind}-soft`],
    ['text', `${kind}-soft`],
    ['text-soft', `${kind}-soft`],
    ['text-faint', `${kind}-soft`],
  ]),
  ['on-primary', 'primary-hover'],
  ['on-danger', 'danger-hover'],
]
/** Frames of controls, the focus ring and signals: 3 : 1 is enough for what is not text. */
const SHAPE_PAIRS: [string, string][] = ['surface', 'surface-soft'].flatMap((ground) => [
  ['line-strong', ground],
  ['focus', ground],
])

describe.each([':root', ':root.dark'])('the tokens of %s', (selector) => {
  const colours = tokens(selector)
  const of = (name: string) => colours.get(name) ?? 'missing'

  it.each(TEXT_PAIRS)('%s on %s reads at 4.5 : 1', (text, ground) => {
    expect(contrast(of(text), of(ground))).toBeGreaterThanOrEqual(4.5)
  })
  it.each(SHAPE_PAIRS)('%s on %s is seen at 3 : 1', (shape, ground) => {
    expect(contrast(of(shape), of(ground))).toBeGreaterThanOrEqual(3)
  })
})

it('measures black on white as 21 : 1', () => {
  expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 5)
})
