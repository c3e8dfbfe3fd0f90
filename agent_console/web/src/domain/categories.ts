import type { Category } from '@/api/types'

export interface CategoryLeaf {
  code: string
  label: string
}

/** The leaves under one branch; `path` is empty for leaves at the top. */
export interface CategoryGroup {
  path: string
  leaves: CategoryLeaf[]
}

/**
 * The tree as groups of leaves under the names of their branches, in the order of the list.
 * A row whose parent is missing stands at the top.
 */
export function categoryGroups(categories: Category[], english: boolean): CategoryGroup[] {
  const known = new Set(categories.map((category) => category.code))
  const children = new Map<string, Category[]>()
  for (const category of categories) {
    const parent = category.parent && known.has(category.parent) ? category.parent : ''
    children.set(parent, [...(children.get(parent) ?? []), category])
  }
  const groups: CategoryGroup[] = []
  const visit = (parent: string, path: string) => {
    const here = children.get(parent) ?? []
    const label = ({ name_en, name_zh }: Category) => (english ? name_en : name_zh)
    const leaves = here.filter(({ code }) => !children.has(code)).map((one) => ({ code: one.code, label: label(one) }))
    if (leaves.length > 0) groups.push({ path, leaves })
    for (const branch of here) {
      if (children.has(branch.code)) visit(branch.code, path === '' ? label(branch) : `${path} / ${label(branch)}`)
    }
  }
  visit('', '')
  return groups
}

/** The groups whose branch or leaves contain every word typed; at most `most` leaves, as a list must stay quick. */
export function findCategories(groups: CategoryGroup[], query: string, most = 200): CategoryGroup[] {
  const words = query.toLowerCase().split(/\s+/).filter((word) => word !== '')
  const fits = (text: string) => words.every((word) => text.toLowerCase().includes(word))
  let left = most
  const found: CategoryGroup[] = []
  for (const { path, leaves } of groups) {
    const shown = leaves.filter(({ label }) => fits(`${path} ${label}`)).slice(0, left)
    left -= shown.length
    if (shown.length > 0) found.push({ path, leaves: shown })
  }
  return found
}
