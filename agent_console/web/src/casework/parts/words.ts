type Translate = (key: string, params: Record<string, unknown>) => string

/** `5wd` as 5 working days; what is no limit is shown as it is. */
export function limitWords(limit: string, t: Translate): string {
  const found = /^(\d+)(wd|wh|d|h)$/.exec(limit)
  return found === null ? limit : t(`limit.${found[2] ?? ''}`, { count: found[1] })
}
