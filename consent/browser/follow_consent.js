/*
 * Returns a function that passes the visitor's consent to the code of a tool: it takes a function
 * of the tool, calls it at once, and again after each change. consent_signals.py writes the call.
 *
 * now: what the server passes at once, since the tool may run long before the page's script, or
 *   without it.
 * first: what is passed beside it, with the first call alone.
 * read: a function that returns what to pass next. It takes a function that says whether a category
 *   is allowed, one for tools, and what was passed before.
 *
 * The page's script knows what this page has shown, the server what is true now: allowed is what
 * both allow. The script knows better where the page is the same for everybody (the dialog has
 * data-tools), and where the back button restored it as it was.
 */
(function followConsent(now, first, read) {
  return (pass) => {
    const copy = (value) => JSON.parse(JSON.stringify(value));
    const look = (choices, tools) => {
      const { allows } = window.consent || {};
      if (!allows) return;
      const next = read(
        (key) => choices[key] !== false && allows(key),
        (key) => (tools ? tools.includes(key) : allows(key)),
        now,
      );
      if (JSON.stringify(next) === JSON.stringify(now)) return;
      now = next;
      pass(copy(now));
    };
    const lookAgain = (event) => {
      const dialog = document.querySelector('dialog[data-api]');
      if (dialog && (event.persisted || dialog.dataset.tools)) look({});
    };
    pass(copy(now), first);
    document.addEventListener('consent:change', ({ detail }) => look(detail.choices, detail.allowed));
    document.addEventListener('DOMContentLoaded', lookAgain);
    window.addEventListener('pageshow', lookAgain);
  };
});
