"use strict";

// Keeps the panel true: asks the server for it after a decision that needed no reload, and when it
// is opened on a page that is the same for everybody.
(() => {
  let latest;

  async function update() {
    const body = document.querySelector("details[open] [data-panel-url]");
    if (!body) return;
    // A later decision overtakes an answer that is still on its way.
    latest?.abort();
    latest = new AbortController();
    const failed = document.querySelector("[data-panel-failed]");
    try {
      const response = await fetch(body.dataset.panelUrl, { signal: latest.signal });
      if (!response.ok) throw new Error(`The panel answered ${response.status}`);
      body.innerHTML = await response.text();
      failed.hidden = true;
    } catch (error) {
      if (error.name !== "AbortError") failed.hidden = false;
    }
  }

  document.addEventListener("consent:change", update);
  document.querySelector(".panel details:not([open])")?.addEventListener("toggle", update);
})();
