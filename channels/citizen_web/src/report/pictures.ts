/** Makes pictures small before they are sent: at 3G speed a full photograph takes a minute, and says no more. */

const LONGEST_SIDE = 2048
const QUALITY = 0.82
const SMALL_ENOUGH = 600 * 1024
const MAKEABLE = new Set(['image/jpeg', 'image/png', 'image/webp'])

export type FileKind = 'photo' | 'video' | 'file'

/** What a file is to the citizen, by what the browser says it is; null for what is not taken. */
export function kindOf(file: { type: string; name: string }): FileKind | null {
  if (file.type.startsWith('image/')) return 'photo'
  if (file.type === 'video/mp4' || file.type === 'video/quicktime') return 'video'
  return file.type === 'application/pdf' || /\.pdf$/i.test(file.name) ? 'file' : null
}

/** A name with the ending that its bytes have; telephones film in a container of the same family as MP4. */
export function nameOf(name: string, type: string): string {
  const stem = name.replace(/\.[^.]*$/, '') || 'file'
  if (type === 'image/jpeg') return `${stem}.jpg`
  if (type.startsWith('video/')) return `${stem}.mp4`
  return name
}

/** The picture no larger than is needed, without what the camera has written into it; others as they are. */
export async function shrink(file: File): Promise<Blob> {
  if (!MAKEABLE.has(file.type)) return file
  try {
    const picture = await createImageBitmap(file)
    const scale = Math.min(1, LONGEST_SIDE / Math.max(picture.width, picture.height))
    if (scale === 1 && file.size <= SMALL_ENOUGH) {
      picture.close()
      return file
    }
    const canvas = document.createElement('canvas')
    canvas.width = Math.round(picture.width * scale)
    canvas.height = Math.round(picture.height * scale)
    canvas.getContext('2d')?.drawImage(picture, 0, 0, canvas.width, canvas.height)
    picture.close()
    const made = await new Promise<Blob | null>((resolve) => {
      canvas.toBlob(resolve, 'image/jpeg', QUALITY)
    })
    return made && made.size < file.size ? made : file
  } catch {
    // A picture that this browser cannot read: the server looks at it by itself.
    return file
  }
}
