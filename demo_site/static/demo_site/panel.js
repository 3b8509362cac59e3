"use strict";

// Updates the panel: after a decision without a reload, when it is opened on a page that is the same
// for everybody, and while an event has not arrived.
(() => {
  const PAUSE = 1000;
  // Without a process that delivers, an event would wait for ever.
  const ATTEMPTS = 20;
  let latest, timer;

  function opened() {
    return document.querySelector("details[open] [data-panel-url]");
  }

  // Resolves to the panel's content, or to null if the request failed or a newer one replaced it.
  async function fetchPanel(body) {
    clearTimeout(timer);
    // A later decision cancels an earlier request.
    latest?.abort();
    latest = new AbortController();
    const failed = document.querySelector("[data-panel-failed]");
    try {
      const response = await fetch(body.dataset.panelUrl, { signal: latest.signal });
      if (!response.ok) throw new Error(`The panel answered ${response.status}`);
      const content = await response.text();
      failed.hidden = true;
      return content;
    } catch (error) {
      if (error.name !== "AbortError") failed.hidden = false;
      return null;
    }
  }

  async function update() {
    const body = opened();
    const content = body && (await fetchPanel(body));
    if (!content) return;
    body.innerHTML = content;
    poll(ATTEMPTS);
  }

  function poll(attempts) {
    if (attempts && opened()?.querySelector("[data-panel-waits]")) {
      timer = setTimeout(updateEvents, PAUSE, attempts - 1);
    }
  }

  async function updateEvents(attempts) {
    const body = opened();
    const content = body && (await fetchPanel(body));
    if (!content) return;
    // Only the list is replaced, so that the panel's button or select keeps the focus.
    const list = body.querySelector("[data-panel-events]");
    const fresh = new DOMParser().parseFromString(content, "text/html").querySelector("[data-panel-events]");
    const waits = fresh.hasAttribute("data-panel-waits");
    if (list.textContent !== fresh.textContent) list.replaceChildren(...fresh.childNodes);
    list.toggleAttribute("data-panel-waits", waits);
    poll(attempts);
  }

  document.addEventListener("consent:change", update);
  document.querySelector(".panel details:not([open])")?.addEventListener("toggle", update);
  poll(ATTEMPTS);
})();
