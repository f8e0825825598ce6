// The only script that stands in the standalone page: it opens the files that are embedded there, in the page and in
// its workers. The page's scripts know nothing of it; `standalone.js` makes another such page from `asOpened`.

globalThis.asOpened = document.documentElement.cloneNode(true);

{
  // `files` has functions that promise Blobs, by path. They seem to be in the page's folder and at `site`. Returns
  // `{ find, open }`: the path of an address, and the import of a module.
  function embed(files, folder, site) {
    const { fetch: ask, Worker: Native } = globalThis;
    const blobOf = (path) => files.get(path)();
    const find = (address) => {
      const { href } = new URL(address, folder);
      const place = [folder, site].find((start) => href.startsWith(start));
      return place && href.slice(place.length).split(/[?#]/)[0];
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
        others.set(before + name, before === "new URL(" ? site + file : await placeOf(file));
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
      const script = `const open = ({ data: { found, path } }) =>
        (${embed})(new Map([...found].map(([name, blob]) => [name, () => blob])), "${folder}", "${site}").open(path)
          .catch(({ message }) => postMessage({ message }));
        addEventListener("message", open, { once: true });`;
      const worker = new Native(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
      needed(path).then((found) => worker.postMessage({ found, path }));
      return worker;
    };

    return { find, open: async (path) => import(await placeOf(path)) };
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
  const folder = new URL("./", location.href).href;
  // A page from the disk has no origin to speak of: Chrome says "file://" or "null", and its caches take neither.
  const site = folder.startsWith("file:") ? "http://disk/" : folder;
  globalThis.origin = new URL(site).origin;
  const { find, open } = embed(files, folder, site);

  // An `img` asks for no file by `fetch`.
  const { get, set } = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src");
  Object.defineProperty(HTMLImageElement.prototype, "src", {
    get,
    set(address) {
      const file = files.get(find(address));
      if (!file) return set.call(this, address);
      file().then((blob) => set.call(this, URL.createObjectURL(blob)));
    },
  });

  for (const { dataset } of blocks) if ("start" in dataset) open(dataset.path);
}
