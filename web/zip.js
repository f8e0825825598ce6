// A ZIP without compression, in parts that stay where they are: a Blob is read for its checksum, and not held.

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit += 1) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest;
});

/** CRC-32 of bytes, or of more bytes after those with the checksum `crc`. */
export function crc32(bytes, crc = 0) {
  let rest = ~crc;
  for (const byte of bytes) rest = TABLE[(rest ^ byte) & 255] ^ (rest >>> 8);
  return ~rest >>> 0;
}

const UTF8 = 0x0800; // the flag for names
const LIMITS = [0xffff, 0xffffffff]; // of files and of bytes, without ZIP64

/** The ZIP of `files`, each `[name, text or Blob]`, as a Blob. `files` may be an async iterable. */
export async function zip(files) {
  const now = new Date();
  const time = (now.getHours() << 11) | (now.getMinutes() << 5) | (now.getSeconds() >> 1);
  const day = ((now.getFullYear() - 1980) << 9) | ((now.getMonth() + 1) << 5) | now.getDate();
  const parts = [];
  const directory = [];
  let offset = 0;
  for await (const [name, content] of files) {
    const path = new TextEncoder().encode(name);
    const blob = new Blob([content]);
    const crc = crc32(new Uint8Array(await blob.arrayBuffer()));
    // What the entry has both beside its content and in the directory.
    const same = [[20, 2], [UTF8, 2], [0, 2], [time, 2], [day, 2], [crc, 4], [blob.size, 4], [blob.size, 4],
      [path.length, 2], [0, 2]];
    const head = bytes([0x04034b50, 4], ...same);
    directory.push(bytes([0x02014b50, 4], [20, 2], ...same, [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]), path);
    parts.push(head, path, blob);
    offset += head.length + path.length + blob.size;
  }
  const count = directory.length / 2;
  const length = directory.reduce((sum, part) => sum + part.length, 0);
  if (count > LIMITS[0] || offset + length > LIMITS[1]) {
    throw new Error("That is more than a ZIP file holds (65,535 files, 4 GB): save fewer pictures, or not with them.");
  }
  const end = bytes([0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2], [length, 4], [offset, 4], [0, 2]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}

// Numbers of so many bytes, the lowest first.
function bytes(...numbers) {
  return Uint8Array.from(numbers.flatMap(([value, count]) =>
    Array.from({ length: count }, (_, place) => Math.floor(value / 256 ** place) & 255)));
}
