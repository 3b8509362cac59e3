"use strict";

// Keeps the panel true: asks the server for it after a decision that needed no reload, when it is
// opened on a page that is the same for everybody, and while an event is on its way.
(() => {
  const PAUSE = 1000;
  // Where nobody delivers, an event waits for ever.
  const LOOKS = 20;
  let latest, timer;

  function opened() {
    return document.querySelector("details[open] [data-panel-url]");
  }

  // Resolves to the panel's inside; to null where there is none, or one that is newer.
  async function ask(body) {
    clearTimeout(timer);
    // A later decision overtakes an answer that is still on its way.
    latest?.abort();
    latest = new AbortController();
    const failed = document.querySelector("[data-panel-failed]");
    try {
      const response = await fetch(body.dataset.panelUrl, { signal: latest.signal });
      if (!response.ok) throw new Error(`The panel answered ${response.status}`);
      const inside = await response.text();
      failed.hidden = true;
      return inside;
    } catch (error) {
      if (error.name !== "AbortError") failed.hidden = false;
      return null;
    }
  }

  async function update() {
    const body = opened();
    const inside = body && (await ask(body));
    if (!inside) return;
    body.innerHTML = inside;
    follow(LOOKS);
  }

  function follow(looks) {
    if (looks && opened()?.querySelector("[data-panel-waits]")) {
      timer = setTimeout(look, PAUSE, looks - 1);
    }
  }

  async function look(looks) {
    const body = opened();
    const inside = body && (await ask(body));
    if (!inside) return;
    // The list alone: whoever is at the panel's button or its switch stays there.
    const list = body.querySelector("[data-panel-events]");
    const fresh = new DOMParser().parseFromString(inside, "text/html").querySelector("[data-panel-events]");
    const waits = fresh.hasAttribute("data-panel-waits");
    if (list.textContent !== fresh.textContent) list.replaceChildren(...fresh.childNodes);
    list.toggleAttribute("data-panel-waits", waits);
    follow(looks);
  }

  document.addEventListener("consent:change", update);
  document.querySelector(".panel details:not([open])")?.addEventListener("toggle", update);
  follow(LOOKS);
})();
