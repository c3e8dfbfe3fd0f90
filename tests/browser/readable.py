"""What somebody cannot read or cannot be told of on a page, measured in the browser as WCAG 2.2 has it."""

from __future__ import annotations

from playwright.async_api import Page

ENOUGH = 4.5

_CONTRAST = """() => {
  const part = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
  const luminance = ([r, g, b]) => 0.2126 * part(r / 255) + 0.7152 * part(g / 255) + 0.0722 * part(b / 255)
  const colour = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number)
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = colour(getComputedStyle(at).backgroundColor)
      if (found.length === 3 || found[3] > 0.99) return found.slice(0, 3)
    }
    return [255, 255, 255]
  }
  const wrong = []
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())
    if (!own || !element.offsetParent || element.closest('EXEMPT')) continue
    const pair = [luminance(colour(getComputedStyle(element).color)), luminance(ground(element))]
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05)
    if (ratio < LIMIT) wrong.push(`${ratio.toFixed(2)} ${element.textContent.trim().slice(0, 30)}`)
  }
  return wrong
}"""

_NAMELESS = """() => {
  const words = (element) => (element?.textContent ?? '').trim()
  const named = (element) =>
    element.getAttribute('aria-label')?.trim() || element.title || words(element) ||
    element.querySelector('img')?.alt || [...(element.labels ?? [])].some(words) ||
    (element.getAttribute('aria-labelledby') ?? '').split(' ').some((id) => id && words(document.getElementById(id)))
  const wrong = []
  const pressed = 'button, a[href], input, textarea, select, [role=button], [role=tab]'
  for (const element of document.querySelectorAll(pressed)) {
    if (!element.offsetParent || element.closest('[aria-hidden=true]') || element.type === 'hidden') continue
    if (!named(element)) wrong.push(element.outerHTML.slice(0, 120))
  }
  return wrong
}"""


async def hard_to_read(page: Page, *, exempt: str = ".skip, .hidden, noscript") -> list[str]:
    """Return the texts on the screen whose contrast is too low, with their ratio.

    Args:
        page: What is measured.
        exempt: A selector of what nobody is to read now.
    """
    script = _CONTRAST.replace("LIMIT", str(ENOUGH)).replace("EXEMPT", exempt)
    found: list[str] = await page.evaluate(script)
    return found


async def nameless(page: Page) -> list[str]:
    """Return what can be pressed or filled in and that a screen reader has no name for."""
    found: list[str] = await page.evaluate(_NAMELESS)
    return found
