/*
 * Placeholders of embeds: “Load once” and “Always allow” without leaving the page. Without this
 * script, or without choice.js, the browser sends their forms.
 *
 * It listens on window, because a page may swap its body, and only once, because the script may be
 * loaded again.
 */
(() => {
  // An image of the site may be called `querySelector`, which would hide that of the document.
  const all = (selector) => [...Document.prototype.querySelectorAll.call(document, selector)];

  // Tells the stylesheet that the script runs.
  all(':root')[0].dataset.consentEmbeds = '';
  const here = Symbol.for('consent.embed');
  if (window[here]) return;
  window[here] = true;

  /** Moves the focus, and so a screen reader, to the loaded content. */
  const enter = (frame) => {
    const place = frame.querySelector('iframe') || frame;
    if (place === frame) frame.tabIndex = -1;
    place.focus({ preventScroll: true });
  };

  /** Returns the template in the frame, or null if its content has been loaded. */
  const waiting = (frame) => frame.querySelector(`:scope > [${SHARED.IF}]`);

  /** Returns whether the page has the elements that choice.js needs. */
  const isComplete = () => window.consent?.once && all('#dcp-preferences')[0];

  addEventListener('submit', (event) => {
    const form = event.target;
    // A field of another form may be called `matches`.
    if (!Element.prototype.matches.call(form, '[data-consent-ask]') || !isComplete()) return;
    const frame = form.closest(`[${SHARED.EMBED}]`);
    const { consent } = window;
    const once = event.submitter?.value === 'once';
    // This page's Content-Security-Policy would block it; the page that the form opens has its own.
    if (once && isComplete().dataset.reload) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (once) {
      frame.setAttribute(SHARED.LOADED_ONCE, '');
      consent.once(waiting(frame));
      enter(frame);
    } else {
      const { choices, tools } = form.elements;
      consent.allow(choices.value, tools?.value).then(() => enter(frame), () => {});
    }
  }, true);

  /** Reloads the page if content is running that is no longer allowed. */
  const leave = ({ type }) => {
    const goesOn = (frame) => (
      !frame.matches(`[${SHARED.LOADED_ONCE}]`)
      && !window.consent.allows(frame.getAttribute(SHARED.EMBED))
    );
    const loaded = all(`[${SHARED.EMBED}]`).filter((el) => !waiting(el));
    if (!isComplete() || !loaded.some(goesOn)) return;
    window.consent.reload(type !== 'pageshow');
  };

  addEventListener('consent:change', leave, true);

  // The back button may restore the page as it was.
  addEventListener('pageshow', (event) => event.persisted && leave(event));
})();
