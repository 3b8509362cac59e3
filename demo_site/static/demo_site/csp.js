"use strict";

// Shows whether the browser loaded the forgotten pixel. This script runs before the image is parsed.
(() => {
  let message = "Your browser has not requested the pixel yet.";
  let blocked = false;

  function show(text) {
    message = text;
    const state = document.querySelector("[data-forgotten-state]");
    if (state) state.textContent = message;
  }

  document.addEventListener("securitypolicyviolation", (event) => {
    if (event.blockedURI.startsWith("https://www.facebook.com/tr")) {
      blocked = true;
      show("Blocked: your browser did not ask Meta for the pixel, because this page's policy does not name its host.");
    }
  });
  // Events of images do not bubble, so they are captured.
  document.addEventListener("load", (event) => {
    if (event.target.matches?.("[data-forgotten]")) show("Loaded: your browser asked Meta for the pixel.");
  }, true);
  document.addEventListener("error", (event) => {
    if (event.target.matches?.("[data-forgotten]") && !blocked) {
      show("Not loaded, although this page's policy allows it: the network or an extension blocked it.");
    }
  }, true);
  document.addEventListener("DOMContentLoaded", () => show(message));
})();
