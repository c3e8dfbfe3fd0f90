/** Pages in WeChat's simulator for npm: real templates, real scripts, a document of jsdom. */
import { createRequire } from 'node:module'
import { join } from 'node:path'

import { inject } from 'vitest'

import { eventually } from './wechat'

interface Element_ {
  dom: HTMLElement
  dispatchEvent: (name: string, options?: object) => void
  querySelector: (selector: string) => Element_ | undefined
  querySelectorAll: (selector: string) => Element_[]
}

interface Rendered extends Element_ {
  instance: Record<string, (argument?: unknown) => unknown> & { data: Record<string, unknown> }
  attach: (parent: Node) => void
  detach: () => void
}

interface Simulate {
  load: (path: string, options: object) => string
  render: (id: string, properties?: object) => Rendered
}

const require = createRequire(import.meta.url)
/** What a finger finds, by the classes of app.wxss and of the pages. */
const PRESSABLE = ['.button', '.choice', '.door', '.card', '.drop', '.turn', '.remove']
/** The components of our own that a page holds, by the class that it gives them. */
const COMPONENTS = ['.own']
const settled = () => new Promise((resolve) => setTimeout(resolve, 5))

/** A page or component that lies open. Its scripts are read anew, so that nothing is left of the page before. */
export class Screen {
  readonly dom: HTMLElement

  private constructor(private readonly rendered: Rendered) {
    this.dom = rendered.dom
  }

  static open(path: string, query: Record<string, string> = {}): Screen {
    const built = inject('built')
    const before: unknown = Reflect.get(globalThis, 'wx')
    // The simulator brings a WeChat of its own, which knows no hotline.
    const simulate = require('miniprogram-simulate') as Simulate
    Object.assign(globalThis, { wx: before })
    for (const name of Object.keys(require.cache)) if (name.startsWith(built)) Reflect.deleteProperty(require.cache, name)
    const screen = new Screen(simulate.render(simulate.load(join(built, path), { compiler: 'official', rootPath: built })))
    const parent = document.createElement('div')
    document.body.replaceChildren(parent)
    screen.rendered.attach(parent)
    const { instance } = screen.rendered
    instance.onLoad?.(query)
    instance.onShow?.()
    return screen
  }

  get data(): Record<string, unknown> {
    return this.rendered.instance.data
  }

  get text(): string {
    return this.dom.textContent.replace(/\s+/g, ' ').trim()
  }

  /** Calls one of the page's own methods, as WeChat does. */
  do(method: string, argument: object = {}): unknown {
    return this.rendered.instance[method]?.(argument)
  }

  /** Taps what says these words: of several the first that can be tapped. */
  async press(words: string): Promise<void> {
    await eventually(() => this.pressable(words) !== undefined)
    const found = this.pressable(words)
    found?.dispatchEvent('touchstart')
    found?.dispatchEvent('touchend')
    await settled()
  }

  /** Types into the field that goes by this label. */
  async write(label: string, value: string): Promise<void> {
    const found = () => this.all('.field').find(({ dom }) => dom.getAttribute('aria-label') === label || this.all('.field').length === 1)
    await eventually(() => found() !== undefined)
    found()?.dispatchEvent('input', { detail: { value } })
    await settled()
  }

  /** What WeChat tells a page by an event of its own, e.g. of a button that asks for the telephone number. */
  async tell(selector: string, event: string, detail: object): Promise<void> {
    this.all(selector)[0]?.dispatchEvent(event, { detail })
    await settled()
  }

  private pressable(words: string): Element_ | undefined {
    const found = PRESSABLE.flatMap((selector) => this.all(selector)).filter(({ dom }) => dom.textContent.includes(words))
    // What says the least beside them is meant.
    return found.sort((a, b) => a.dom.textContent.length - b.dom.textContent.length)[0]
  }

  /** Everything of a class on the page and in the components that are on it. */
  private all(selector: string): Element_[] {
    const parts = COMPONENTS.flatMap((one) => this.rendered.querySelectorAll(one))
    return [this.rendered, ...parts].flatMap((part) => part.querySelectorAll(selector))
  }

  async shows(words: string): Promise<void> {
    await eventually(() => this.text.includes(words))
  }

  close(): void {
    this.rendered.instance.onUnload?.()
    this.rendered.detach()
  }
}
