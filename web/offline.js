// The page without a network: starts the service worker (sw.js), and says when a new version is ready. That starts when
// the user asks for it, or else once no page of the old version is open.

import { $, make } from "./dom.js";

const { serviceWorker } = navigator;
let asked = false; // for the new version

// After the detector, which needs the network first.
const loaded = new Promise((resolve) => {
  const root = document.documentElement;
  const look = () => root.dataset.state !== "loading" && resolve();
  new MutationObserver(look).observe(root, { attributeFilter: ["data-state"] });
  look();
});

async function start() {
  await loaded;
  const registration = await serviceWorker.register("./sw.js");
  const look = () => registration.waiting && serviceWorker.controller && announce(registration);
  const watch = () => registration.installing?.addEventListener("statechange", look);
  registration.onupdatefound = watch;
  watch();
  look();
  serviceWorker.oncontrollerchange = () => asked && location.reload();
  serviceWorker.onmessage = ({ data: { others } }) => {
    const tabs = others > 1 ? "the other tabs of this page are" : "the other tab of this page is";
    announce(registration, `The new version can start once ${tabs} closed.`);
  };
  if (!serviceWorker.controller) report(await serviceWorker.ready);
}

function announce(registration, text = "A new version is ready.") {
  const onclick = () => {
    asked = true;
    registration.waiting?.postMessage({});
  };
  $("update").replaceChildren(`${text} `, make("button", { type: "button", onclick }, "Reload"));
}

// In its first visit the page fetches for itself, so it tells what it used.
function report({ active }) {
  const tell = (list) => active.postMessage({ used: list.getEntries().map(({ name }) => name) });
  new PerformanceObserver(tell).observe({ type: "resource", buffered: true });
}

if (serviceWorker) start().catch(() => {}); // the browser or its user permits none
