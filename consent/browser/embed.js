/*
 * Placeholders of embeds: “Load once” and “Always allow” without another page. Without this file,
 * or without choice.js, their forms are sent as they are.
 *
 * Listens on window, since a page may swap its body, and once, since the file may come again.
 */
(() => {
  // Says to the stylesheet that this is here.
  document.documentElement.dataset.consentEmbeds = '';
  const here = Symbol.for('consent.embed');
  if (window[here]) return;
  window[here] = true;

  /** Leads the keyboard, and a screen reader, to what is there now. */
  const enter = (frame) => {
    const place = frame.querySelector('iframe') || frame;
    if (place === frame) frame.tabIndex = -1;
    place.focus({ preventScroll: true });
  };

  /** Returns the template that waits in the frame; null where its content has been loaded. */
  const waiting = (frame) => frame.querySelector(`:scope > [${SHARED.IF}]`);

  /** Says whether the page has what choice.js goes by. */
  const isComplete = () => window.consent?.once && document.querySelector('#dcp-preferences');

  addEventListener('submit', (event) => {
    const form = event.target;
    if (!form.matches('[data-consent-ask]') || !isComplete()) return;
    const frame = form.closest(`[${SHARED.EMBED}]`);
    const { consent } = window;
    const once = event.submitter?.value === 'once';
    // This page's Content-Security-Policy would block it; the page that the form leads to has its own.
    if (once && isComplete().dataset.reload) return;
    event.preventDefault();
    event.stopPropagation();
    if (once) {
      frame.setAttribute(SHARED.LOADED_ONCE, '');
      consent.once(waiting(frame));
      enter(frame);
    } else {
      const { choices, tools } = form.elements;
      consent.allow(choices.value, tools?.value).then(() => enter(frame), () => {});
    }
  }, true);

  /** Loads the page anew where something goes on that was allowed and is no longer. */
  const leave = ({ type }) => {
    const goesOn = (frame) => (
      !frame.matches(`[${SHARED.LOADED_ONCE}]`)
      && !window.consent.allows(frame.getAttribute(SHARED.EMBED))
    );
    const loaded = [...document.querySelectorAll(`[${SHARED.EMBED}]`)].filter((el) => !waiting(el));
    if (!isComplete() || !loaded.some(goesOn)) return;
    // The page that comes says what was saved.
    if (type !== 'pageshow' && !location.hash) {
      history.replaceState(history.state, '', `#${SHARED.STATUS_ID}`);
    }
    location.reload();
  };

  addEventListener('consent:change', leave, true);

  // The back button may bring a page back as it was left.
  addEventListener('pageshow', (event) => event.persisted && leave(event));
})();
