import type { Category } from '@/api/types'

export interface CategoryNode {
  value: string
  label: string
  children?: CategoryNode[]
}

/** The flat list as a tree in the reader's language; a row whose parent is missing stands at the top. */
export function categoryTree(categories: Category[], english: boolean): CategoryNode[] {
  const known = new Set(categories.map((category) => category.code))
  const childrenOf = (parent: string | null): CategoryNode[] =>
    categories
      .filter((category) => {
        const up = category.parent ?? null
        return parent === null ? up === null || !known.has(up) : up === parent
      })
      .map((category) => {
        const children = category.code === parent ? [] : childrenOf(category.code)
        const label = english ? category.name_en : category.name_zh
        return { value: category.code, label, ...(children.length > 0 ? { children } : {}) }
      })
  return childrenOf(null)
}
