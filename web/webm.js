// A WebM file with one VP8 track, from encoded frames. Frames stay in Blobs, which a browser may keep on disk.

// An element of EBML: its id, the size of its content, its content.
function element(id, ...content) {
  const parts = content.map((part) => (typeof part === "string" ? new TextEncoder().encode(part) : part));
  const size = parts.reduce((sum, part) => sum + (part.size ?? part.length), 0);
  return new Blob([Uint8Array.from(hex(id)), number(size, 8, 0x01), ...parts]);
}

const hex = (id) => id.match(/../g).map((pair) => Number.parseInt(pair, 16));

// A whole number in `count` bytes, the highest first; `mark` is added to the first.
function number(value, count = 8, mark = 0) {
  const bytes = Uint8Array.from({ length: count }, (_, place) => Math.floor(value / 256 ** (count - 1 - place)) & 255);
  bytes[0] |= mark;
  return bytes;
}

function float(value) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value);
  return bytes;
}

/** Collects frames of this size. Times are seconds. */
export function webm(width, height) {
  const clusters = []; // `{ start, blocks }` in milliseconds, each from a key frame on

  return {
    /** The next frame, an EncodedVideoChunk. */
    add(chunk) {
      const time = Math.round(chunk.timestamp / 1000);
      const key = chunk.type === "key";
      if (key) clusters.push({ start: time, blocks: [] });
      const data = new Uint8Array(chunk.byteLength);
      chunk.copyTo(data);
      const { start, blocks } = clusters.at(-1);
      // Track 1, the time after the cluster's, flags.
      blocks.push(element("a3", Uint8Array.of(0x81), number(time - start, 2), Uint8Array.of(key ? 0x80 : 0), data));
    },

    /** The file, which lasts `duration`. */
    file(duration) {
      const head = element("1a45dfa3", element("4282", "webm"), element("4287", number(4)), element("4285", number(2)));
      const info = element("1549a966", element("2ad7b1", number(1e6)), element("4489", float(duration * 1000)),
        element("4d80", "ssd"), element("5741", "ssd"));
      const track = element("ae", element("d7", number(1)), element("73c5", number(1)), element("83", number(1)),
        element("86", "V_VP8"), element("e0", element("b0", number(width)), element("ba", number(height))));
      const parts = [info, element("1654ae6b", track)];
      let offset = parts[0].size + parts[1].size;
      const cues = clusters.map(({ start, blocks }) => {
        const cluster = element("1f43b675", element("e7", number(start)), ...blocks);
        const place = element("b7", element("f7", number(1)), element("f1", number(offset)));
        parts.push(cluster);
        offset += cluster.size;
        return element("bb", element("b3", number(start)), place);
      });
      return new Blob([head, element("18538067", ...parts, element("1c53bb6b", ...cues))], { type: "video/webm" });
    },
  };
}
