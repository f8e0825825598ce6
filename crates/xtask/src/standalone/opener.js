// The only script that stands in the standalone page: it opens the files that are embedded there, in the page and in
// its workers. The page's scripts know nothing of it; `standalone.js` makes another such page from `asOpened`.

globalThis.asOpened = document.documentElement.cloneNode(true);

{
  // `files` has functions that promise Blobs, by path; they seem to be in `folder`. Returns a function that imports one.
  function embed(files, folder) {
    const { fetch: ask, Worker: Native } = globalThis;
    const blobOf = (path) => files.get(path)();
    const find = (address) => {
      const { href } = new URL(address, folder);
      return href.startsWith(folder) ? href.slice(folder.length).split(/[?#]/)[0] : null;
    };

    // What a script imports or names beside itself.
    const NAMED = /(\bfrom |\bimport |\bimport\(|\bnew URL\()(["'])([^"'\n]+)\2/g;
    const beside = (name, path) => find(new URL(name, folder + path));
    const named = (text, path) => [...text.matchAll(NAMED)]
      .map(([, before, , name]) => ({ before, name, file: beside(name, path) })).filter(({ file }) => files.has(file));

    // A Blob has no folder: imports get the addresses of other Blobs, and what is asked for later its address here.
    const places = new Map();
    const placeOf = (path) => places.get(path) ?? places.set(path, place(path)).get(path);
    async function place(path) {
      const blob = await blobOf(path);
      const text = await blob.text();
      const others = new Map();
      for (const { before, name, file } of named(text, path)) {
        others.set(before + name, before === "new URL(" ? folder + file : await placeOf(file));
      }
      const placed = text.replace(NAMED, (all, before, quote, name) =>
        others.has(before + name) ? before + quote + others.get(before + name) + quote : all);
      return URL.createObjectURL(new Blob([placed], { type: blob.type }));
    }

    globalThis.fetch = async (what, options) => {
      const path = find(what.url ?? what);
      if (!files.has(path)) return ask(what, options);
      const blob = await blobOf(path);
      return new Response(blob, { headers: { "content-type": blob.type, "content-length": blob.size } });
    };

    async function needed(path, found = new Map()) {
      if (found.has(path)) return found;
      const blob = await blobOf(path);
      found.set(path, blob);
      if (path.endsWith(".js")) for (const { file } of named(await blob.text(), path)) await needed(file, found);
      return found;
    }

    // Chrome lets a page from the disk start no module as a worker, and lets no worker read the page's Blobs by their
    // addresses. So the worker gets the files, and imports from Blobs of its own.
    globalThis.Worker = function Worker(address) {
      const path = find(address);
      const script = `const open = ({ data: { found, folder, path } }) =>
        (${embed})(new Map([...found].map(([name, blob]) => [name, () => blob])), folder)(path)
          .catch(({ message }) => postMessage({ message }));
        addEventListener("message", open, { once: true });`;
      const worker = new Native(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
      needed(path).then((found) => worker.postMessage({ found, folder, path }));
      return worker;
    };

    return async (path) => import(await placeOf(path));
  }

  async function decode({ dataset: { type, gzip }, textContent }) {
    const { body } = await fetched(`data:;base64,${textContent}`);
    const stream = gzip === undefined ? body : body.pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream, { headers: { "content-type": type } }).blob();
  }

  const fetched = fetch; // without the embedded files
  const blocks = document.querySelectorAll("script[data-path]");
  const files = new Map(Array.from(blocks, (block) => {
    let blob = null;
    return [block.dataset.path, () => (blob ??= decode(block))];
  }));
  const folder = new URL("./", location.href);
  globalThis.origin = folder.origin; // Chrome says "file://" here and "null" there
  const open = embed(files, folder.href);

  // An `img` asks for no file by `fetch`.
  const { get, set } = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src");
  Object.defineProperty(HTMLImageElement.prototype, "src", {
    get,
    set(address) {
      const { href } = new URL(address, folder);
      const blob = href.startsWith(folder.href) && files.get(href.slice(folder.href.length))?.();
      if (!blob) return set.call(this, address);
      blob.then((file) => set.call(this, URL.createObjectURL(file)));
    },
  });

  for (const { dataset } of blocks) if ("start" in dataset) open(dataset.path);
}
