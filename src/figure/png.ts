/** Pixels -> PNG, without a canvas: the same bytes everywhere, also where browsers blur what is read back from one. */
import type { Raster } from "../styles/raster";

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
/** 8 bits for each of red, green and blue; deflate, adaptive filters, not interlaced. */
const FORMAT = [8, 2, 0, 0, 0];
/** Every byte as its difference from the pixel to the left. */
const SUB = 1;

/** @param raster opaque RGBA, [height * width * 4] */
export async function pngOf({ data, width, height }: Raster<Uint8ClampedArray>): Promise<Uint8Array> {
  const stride = 1 + 3 * width;
  const lines = new Uint8Array(stride * height);
  for (let y = 0, from = 0; y < height; y++) {
    lines[y * stride] = SUB;
    for (let x = 0, to = y * stride + 1; x < width; x++, from += 4) {
      for (let channel = 0; channel < 3; channel++, to++)
        lines[to] = data[from + channel] - (x ? data[from - 4 + channel] : 0);
    }
  }
  const header = new Uint8Array([...bytesOf(width), ...bytesOf(height), ...FORMAT]);
  const chunks = [chunk("IHDR", header), chunk("IDAT", await deflated(lines)), chunk("IEND", new Uint8Array())];
  return joined([new Uint8Array(SIGNATURE), ...chunks]);
}

export const dataUrl = (png: Uint8Array): string => {
  let binary = "";
  for (const byte of png) binary += String.fromCharCode(byte);
  return `data:image/png;base64,${btoa(binary)}`;
};

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const part of parts) {
    whole.set(part, end);
    end += part.length;
  }
  return whole;
}

async function deflated(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const { readable, writable } = new CompressionStream("deflate");
  const writer = writable.getWriter();
  const written = Promise.all([writer.write(bytes), writer.close()]);
  const reader = readable.getReader();
  const parts: Uint8Array[] = [];
  for (let read = await reader.read(); !read.done; read = await reader.read()) parts.push(read.value);
  await written;
  return joined(parts);
}

/** Big-endian. */
const bytesOf = (value: number): number[] => [value >>> 24, value >>> 16, value >>> 8, value].map((v) => v & 255);

function chunk(type: string, data: Uint8Array): Uint8Array {
  const named = joined([Uint8Array.from(type, (c) => c.charCodeAt(0)), data]);
  return joined([new Uint8Array(bytesOf(data.length)), named, new Uint8Array(bytesOf(crc32(named)))]);
}

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return ~crc;
}
