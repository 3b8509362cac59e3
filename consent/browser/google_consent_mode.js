/*
 * Passes consent to Google's tags, before the first of them on a page: defaults (everything is
 * denied), then what the visitor allows, then each change. google.py adds this to the code of each
 * of Google's tools. CONSENT_SIGNALS stands for the function that follow_consent.js returns.
 * https://developers.google.com/tag-platform/security/guides/consent
 *
 * The queue keeps what was passed last: so the defaults are set once, and a tool that starts later
 * passes what is new before its own commands. A command is an arguments object; Google's tags
 * ignore arrays. No `gtag` of the page is relied upon.
 */
(() => {
  function gtag() {
    window.dataLayer.push(arguments);
  }

  CONSENT_SIGNALS((signals, first) => {
    const layer = window.dataLayer = window.dataLayer || [];
    const passed = JSON.stringify(signals);
    if (first && !layer.consentMode) {
      const denied = Object.fromEntries(Object.keys(signals).map((type) => [type, 'denied']));
      if (first.wait) denied.wait_for_update = first.wait;
      gtag('consent', 'default', denied);
      gtag('set', 'ads_data_redaction', first.redact);
      gtag('set', 'url_passthrough', first.passthrough);
    }
    if (layer.consentMode !== passed) gtag('consent', 'update', signals);
    layer.consentMode = passed;
  });
})();
