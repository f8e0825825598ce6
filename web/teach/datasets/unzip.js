// The pictures and labels in a ZIP, by its directory at the end. What is stored there without compression is a slice of
// the Blob. All else is left in it, and what would fill the memory is refused, whatever the directory says.

import { isPicture } from "../../files.js";
import { counted } from "../../readout.js";

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const LONGEST_COMMENT = 0xffff;
const LARGEST_DIRECTORY = 64e6; // bytes
const MOST_FILES = 20_000; // pictures and labels
const MOST_BYTES = 1e9; // of them all, unpacked
const LARGEST_LABELS = 1e8; // bytes of one text, which is read whole
const LABELS = /\.(txt|xml|json|ya?ml|names)$/i;

/** The pictures and labels in a ZIP, each a File with its `path`. */
export async function unzip(archive) {
  const bad = (why) => new Error(`The ZIP ${archive.name} cannot be opened (${why}): unpack it and open its folder.`);
  const tail = await view(archive.slice(-(22 + LONGEST_COMMENT)));
  let at = tail.byteLength - 22;
  while (at >= 0 && tail.getUint32(at, true) !== END) at -= 1;
  if (at < 0) throw bad("it is no ZIP file, or not all of it is there");
  const [count, length, start] = [tail.getUint16(at + 10, true), tail.getUint32(at + 12, true),
    tail.getUint32(at + 16, true)];
  if (start === 0xffffffff || count === 0xffff) throw bad("it is larger than the page can read");
  if (length > LARGEST_DIRECTORY) throw bad("it is damaged");
  const directory = await view(archive.slice(start, start + length));
  const wanted = [];
  for (let place = 0, index = 0; index < count; index += 1) {
    if (place + 46 > directory.byteLength || directory.getUint32(place, true) !== ENTRY) throw bad("it is damaged");
    const entry = readEntry(directory, place);
    place += entry.length;
    if (place > directory.byteLength) throw bad("it is damaged");
    const { path, name } = entry;
    const useful = isPicture({ type: "", name }) || LABELS.test(name);
    if (useful && !path.startsWith("__MACOSX/")) wanted.push(entry);
  }
  if (wanted.length > MOST_FILES) throw bad(`it holds more than ${counted(MOST_FILES, "file")}`);
  if (wanted.reduce((sum, { unpacked }) => sum + unpacked, 0) > MOST_BYTES) {
    throw bad(`it takes more than ${MOST_BYTES / 1e9} GB unpacked`);
  }
  const files = [];
  for (const entry of wanted) {
    const { path, name, flags, unpacked } = entry;
    if (flags & 1) throw bad("it has a password");
    if (LABELS.test(name) && unpacked > LARGEST_LABELS) throw bad(`${path} in it is too large`);
    files.push(await extract(archive, entry).catch(() => { throw bad(`${path} in it is damaged`); }));
  }
  return files;
}

const view = async (blob) => new DataView(await blob.arrayBuffer());

function readEntry(directory, at) {
  const [name, extra, comment] = [28, 30, 32].map((field) => directory.getUint16(at + field, true));
  const path = new TextDecoder().decode(directory.buffer.slice(at + 46, at + 46 + name));
  const parts = path.replaceAll("\\", "/").split("/").filter((part) => ![".", ".."].includes(part));
  return {
    path: parts.join("/"),
    name: parts.at(-1),
    flags: directory.getUint16(at + 8, true),
    method: directory.getUint16(at + 10, true),
    size: directory.getUint32(at + 20, true),
    unpacked: directory.getUint32(at + 24, true),
    offset: directory.getUint32(at + 42, true),
    length: 46 + name + extra + comment,
  };
}

async function extract(archive, { path, name, method, size, unpacked, offset }) {
  // The head before the content has fields of its own length.
  const head = await view(archive.slice(offset, offset + 30));
  const start = offset + 30 + head.getUint16(26, true) + head.getUint16(28, true);
  const content = archive.slice(start, start + size);
  if (content.size !== size || !(method === 8 || (method === 0 && size === unpacked))) throw new Error("unknown");
  const plain = method === 0 ? content : await inflated(content, unpacked);
  const type = { jpg: "image/jpeg", jpeg: "image/jpeg", png: "image/png", webp: "image/webp" };
  const file = new File([plain], name, { type: type[name.split(".").at(-1).toLowerCase()] ?? "" });
  return Object.assign(file, { path });
}

// No more bytes than the directory says.
function inflated(content, most) {
  let left = most;
  const counting = new TransformStream({
    transform(bytes, out) {
      left -= bytes.length;
      if (left < 0) throw new Error("more than said");
      out.enqueue(bytes);
    },
  });
  const plain = content.stream().pipeThrough(new DecompressionStream("deflate-raw")).pipeThrough(counting);
  return new Response(plain).blob();
}
