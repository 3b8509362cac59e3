/*
 * Reads the signals of Google's Consent Mode, for follow_consent.js. TYPES, which
 * consent_signals.py writes, has the categories that claim each type: all of them have to be
 * allowed, and at least one has to exist.
 */
(function readSignals(category) {
  const types = TYPES;
  return Object.fromEntries(Object.keys(types).map((type) => [
    type, types[type].length && types[type].every(category) ? 'granted' : 'denied',
  ]));
});
