// The service worker: keeps the page for use without a network. `offline.js` starts it.
//
// A version of the page is a list of hashes, which `cargo xtask build` writes here. Files are kept by their hash: those
// that a new version shares with the old one are neither fetched nor kept twice, and what has another hash than the
// list says is no part of this version. Without a list (`trunk serve`) nothing is kept.

const FILES = {}; // SHA-256 by path: kept from the first visit on
const LATER = {}; // the same of other models: kept once they were used. Larger ones are in storage.js
const FORMS = {}; // paths of the wasm with relaxed SIMD and without, and a module to ask the browser with

const ROOT = new URL("./", location.href).href;
const CACHE = `ssd-page ${new URL(ROOT).pathname}`; // apart from other pages of this origin
const built = Object.keys(FILES).length > 0;

const key = (sum) => new URL(`/${sum}`, ROOT).href;

function pathOf(url) {
  const [place] = url.split(/[?#]/);
  return place.startsWith(ROOT) ? place.slice(ROOT.length) || "index.html" : null;
}

async function isOf(bytes, sum) {
  const found = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(found, (byte) => byte.toString(16).padStart(2, "0")).join("") === sum;
}

// The response with all its bytes if it is of this version, else null.
async function checked(response, sum) {
  const bytes = await response.arrayBuffer();
  if (!response.ok || !(await isOf(bytes, sum))) return null;
  const headers = new Headers(response.headers);
  headers.delete("content-encoding");
  headers.set("content-length", bytes.byteLength);
  return new Response(bytes, { headers });
}

const keep = async (file, sum) => (await caches.open(CACHE)).put(key(sum), file);
const kept = async (sum) => (await caches.open(CACHE)).match(key(sum));

// A file of this version. The browser's own cache may still have one of before.
async function fetched(path, sum) {
  for (const cache of ["default", "reload"]) {
    const file = await checked(await fetch(new URL(path, ROOT), { cache }), sum);
    if (file) return file;
  }
  throw new Error(`The server has another version of ${path}.`);
}

async function fetchAndKeep(path, sum) {
  if (!(await kept(sum))) await keep(await fetched(path, sum), sum);
}

// Of the wasm in two forms, this browser loads one.
const { probe = [], plain = [], relaxed = [] } = FORMS;
const unused = WebAssembly.validate(Uint8Array.from(probe)) ? plain : relaxed;

const keepAll = (files) => Promise.all(files.map(([path, sum]) => fetchAndKeep(path, sum)));

async function tidy() {
  const cache = await caches.open(CACHE);
  const known = new Set([...Object.values(FILES), ...Object.values(LATER)].map(key));
  const old = (await cache.keys()).filter(({ url }) => !known.has(url));
  await Promise.all(old.map((request) => cache.delete(request)));
}

// What is not kept yet, or was dropped by the browser, is fetched, and kept if there is room.
async function answer(event, path) {
  const sum = FILES[path] ?? LATER[path];
  const file = await kept(sum).catch(() => null);
  if (file) return file;
  const response = await (FILES[path] ? fetched(path, sum) : fetch(event.request));
  const copy = response.clone();
  const store = async () => {
    const own = FILES[path] ? copy : await checked(copy, sum);
    if (own) await keep(own, sum);
  };
  event.waitUntil(store().catch(() => {}));
  return response;
}

self.oninstall = (event) => {
  const files = Object.entries(FILES).filter(([path]) => !unused.includes(path));
  event.waitUntil(built ? keepAll(files) : self.skipWaiting());
};

self.onactivate = (event) =>
  event.waitUntil(built ? tidy() : caches.delete(CACHE).then(() => registration.unregister()));

self.onfetch = (event) => {
  const { method, url, headers } = event.request;
  const path = pathOf(url);
  const ours = Object.hasOwn(FILES, path) || Object.hasOwn(LATER, path);
  if (ours && method === "GET" && !headers.has("range")) event.respondWith(answer(event, path));
};

self.onmessage = (event) => {
  const { used } = event.data;
  event.waitUntil(used ? keepAll(Object.entries(LATER).filter(([path]) => used.map(pathOf).includes(path)))
    : activate(event.source));
};

// Starts this version for the only page that is open. Another one would get files of two versions.
async function activate(page) {
  const open = await clients.matchAll({ type: "window", includeUncontrolled: true });
  const count = open.filter(({ url }) => url.startsWith(ROOT)).length;
  if (count > 1) page.postMessage({ others: count - 1 });
  else await self.skipWaiting();
}
