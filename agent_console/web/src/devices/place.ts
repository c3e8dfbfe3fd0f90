export interface Place {
  latitude: number | null
  longitude: number | null
}

const PLACE = /^\s*(-?\d{1,2}(?:\.\d+)?)\s*[,，\s]\s*(-?\d{1,3}(?:\.\d+)?)\s*$/

/** Reads `30.27415, 120.15515`, degrees of WGS84, latitude first; nothing for no place, null for what is none. */
export function readPlace(typed: string): Place | null {
  if (typed.trim() === '') return { latitude: null, longitude: null }
  const found = PLACE.exec(typed)
  const [latitude, longitude] = [Number(found?.[1]), Number(found?.[2])]
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180 ? { latitude, longitude } : null
}
