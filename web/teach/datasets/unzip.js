// The files in a ZIP, by its directory at the end. What is stored there without compression is a slice of the Blob.

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const LONGEST_COMMENT = 0xffff;

/** The files in a ZIP, each a File with its `path`. */
export async function unzip(archive) {
  const bad = (why) => new Error(`The ZIP ${archive.name} cannot be opened (${why}): unpack it and open its folder.`);
  const tail = await view(archive.slice(-(22 + LONGEST_COMMENT)));
  let at = tail.byteLength - 22;
  while (at >= 0 && tail.getUint32(at, true) !== END) at -= 1;
  if (at < 0) throw bad("it is no ZIP file, or not all of it is there");
  const [count, length, start] = [tail.getUint16(at + 10, true), tail.getUint32(at + 12, true),
    tail.getUint32(at + 16, true)];
  if (start === 0xffffffff || count === 0xffff) throw bad("it is larger than the page can read");
  const directory = await view(archive.slice(start, start + length));
  const files = [];
  for (let place = 0, index = 0; index < count; index += 1) {
    if (place + 46 > directory.byteLength || directory.getUint32(place, true) !== ENTRY) throw bad("it is damaged");
    const entry = readEntry(directory, place);
    place += entry.length;
    if (place > directory.byteLength) throw bad("it is damaged");
    if (entry.path.endsWith("/") || entry.path.startsWith("__MACOSX/")) continue;
    if (entry.flags & 1) throw bad("it has a password");
    files.push(await extract(archive, entry).catch(() => { throw bad(`${entry.path} in it is damaged`); }));
  }
  return files;
}

const view = async (blob) => new DataView(await blob.arrayBuffer());

function readEntry(directory, at) {
  const [name, extra, comment] = [28, 30, 32].map((field) => directory.getUint16(at + field, true));
  const path = new TextDecoder().decode(directory.buffer.slice(at + 46, at + 46 + name));
  return {
    path: path.replaceAll("\\", "/").split("/").filter((part) => ![".", ".."].includes(part)).join("/"),
    flags: directory.getUint16(at + 8, true),
    method: directory.getUint16(at + 10, true),
    size: directory.getUint32(at + 20, true),
    offset: directory.getUint32(at + 42, true),
    length: 46 + name + extra + comment,
  };
}

async function extract(archive, { path, method, size, offset }) {
  // The head before the content has fields of its own length.
  const head = await view(archive.slice(offset, offset + 30));
  const start = offset + 30 + head.getUint16(26, true) + head.getUint16(28, true);
  const content = archive.slice(start, start + size);
  if (content.size !== size || ![0, 8].includes(method)) throw new Error("method or length");
  const plain = method === 0 ? content
    : await new Response(content.stream().pipeThrough(new DecompressionStream("deflate-raw"))).blob();
  const type = { jpg: "image/jpeg", jpeg: "image/jpeg", png: "image/png", webp: "image/webp" };
  const file = new File([plain], path.split("/").at(-1), { type: type[path.split(".").at(-1).toLowerCase()] ?? "" });
  return Object.assign(file, { path });
}
