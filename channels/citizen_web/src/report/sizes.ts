const MEGABYTE = 1024 * 1024

/** 3.2 MB, 48 KB. */
export function sizeWords(size: number): string {
  return size < MEGABYTE / 10 ? `${Math.ceil(size / 1024)} KB` : `${(size / MEGABYTE).toFixed(1)} MB`
}
