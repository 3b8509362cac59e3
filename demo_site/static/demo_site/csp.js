"use strict";

// Says what became of the forgotten pixel. Loaded ahead of it.
(() => {
  let told = "Your browser has not asked for the pixel yet.";
  let blocked = false;

  function tell(text) {
    told = text;
    const state = document.querySelector("[data-forgotten-state]");
    if (state) state.textContent = told;
  }

  document.addEventListener("securitypolicyviolation", (event) => {
    if (event.blockedURI.startsWith("https://www.facebook.com/tr")) {
      blocked = true;
      tell("Blocked: your browser did not ask Meta for the pixel, since this page's policy does not name its host.");
    }
  });
  // Events of images do not bubble, but can be caught on their way down.
  document.addEventListener("load", (event) => {
    if (event.target.matches?.("[data-forgotten]")) tell("Loaded: your browser asked Meta for the pixel.");
  }, true);
  document.addEventListener("error", (event) => {
    if (event.target.matches?.("[data-forgotten]") && !blocked) {
      tell("Not loaded, though this page's policy allows it: the network or an extension stopped it.");
    }
  }, true);
  document.addEventListener("DOMContentLoaded", () => tell(told));
})();
