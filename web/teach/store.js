// What was labelled, in IndexedDB: it survives a reload, and a page that was opened as a file has it, too.
//
// `files` holds the pictures' Blobs and `notes` what is known of each, both under the picture's id, so that a moved box
// does not write a photograph again. The note `classes` is that of the classes.

const NAME = `ssd-teaching ${new URL("./", location.href).pathname}`; // apart from other pages of this origin

const settled = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

/** Opens the store. */
export async function openStore() {
  let database;
  try {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      for (const name of ["files", "notes"]) request.result.createObjectStore(name);
    };
    database = await settled(request);
  } catch ({ message }) {
    throw new Error(`This browser stores nothing for this page (${message}): permit site data, or labels are lost.`);
  }
  const shelf = (name) => database.transaction(name).objectStore(name);
  const channel = new BroadcastChannel(NAME); // to the page's other tabs

  return {
    name: NAME,
    channel,

    /** All notes: `{ classes, pictures }`. */
    async read() {
      const notes = shelf("notes");
      const classes = settled(notes.get("classes"));
      const all = settled(notes.getAll());
      return { classes: (await classes) ?? [], pictures: (await all).filter(({ id }) => id) };
    },

    /** A picture's Blob. */
    async file(id) {
      const file = await settled(shelf("files").get(id)).catch(() => null);
      if (!file) throw new Error("The picture is gone, since the browser dropped it or another tab removed it.");
      return file;
    },

    /** Writes `[{ key, value, file }]`, all or none. A value of null removes note and file; a file is optional. */
    async write(changes) {
      const transaction = database.transaction(["files", "notes"], "readwrite");
      const [files, notes] = ["files", "notes"].map((name) => transaction.objectStore(name));
      const done = new Promise((resolve, reject) => {
        transaction.oncomplete = resolve;
        transaction.onabort = () => reject(transaction.error);
      });
      for (const { key, value, file } of changes) {
        if (value === null) {
          notes.delete(key);
          files.delete(key);
        } else {
          notes.put(value, key);
          if (file) files.put(file, key);
        }
      }
      await done.catch((error) => {
        throw new Error(error?.name === "QuotaExceededError"
          ? "The browser's storage is full, so the last change is not kept: save the data set, then remove pictures."
          : `The last change could not be kept (${error?.message ?? "no reason given"}): save the data set.`);
      });
      channel.postMessage("changed");
    },
  };
}
