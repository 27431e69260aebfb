/** What leaves the explorer: into the clipboard or a file, and what is done where the browser allows neither. */

/** Text, or a picture. */
export type Content = string | Blob;

const blobOf = (content: Content, type: string): Blob =>
  typeof content === "string" ? new Blob([content], { type }) : content;

/**
 * Into the clipboard, which is asked at once, while the click still counts, and filled when the content is made.
 * @returns false where the browser does not allow it; rejects where the content cannot be made
 */
export async function copied(content: Promise<Content>, type: "text/plain" | "image/png"): Promise<boolean> {
  try {
    const blob = content.then((made) => blobOf(made, type));
    // Where the clipboard is not even asked, nobody waits for it.
    blob.catch(() => {});
    await navigator.clipboard.write([new ClipboardItem({ [type]: blob })]);
    return true;
  } catch {
    await content;
    return false;
  }
}

/** How long a download may take to begin. */
const PATIENCE_MS = 30_000;

export function saved(content: Content, file: string, type: string): void {
  const url = URL.createObjectURL(blobOf(content, `${type};charset=utf-8`));
  const link = document.createElement("a");
  link.href = url;
  link.download = file;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), PATIENCE_MS);
}

/** What is selected in it goes to the clipboard the old way, which frames allow that have no clipboard of their own. */
export function copiedFrom(field: HTMLTextAreaElement): boolean {
  field.focus();
  field.select();
  try {
    return document.execCommand("copy");
  } catch {
    return false;
  }
}

/** No browser draws on larger ones. */
const LARGEST = 16_384;

/** A figure drawn on a canvas, so many pixels for each of its own as there may be. */
export async function drawnOn(svg: string, width: number, height: number, density: number): Promise<Blob> {
  const scale = Math.min(density, LARGEST / width, LARGEST / height);
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  if (!context) throw new Error("the browser gives no canvas of this size");
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the picture is too large"))), "image/png");
  });
}
