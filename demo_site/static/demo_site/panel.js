"use strict";

// Keeps the panel true after a decision that needed no reload: asks the server for it again.
(() => {
  let latest;

  document.addEventListener("consent:change", async () => {
    const body = document.querySelector("[data-panel-url]");
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
  });
})();
