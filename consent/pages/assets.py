"""What pages load, named after its content. Written by ``make assets``, never by hand."""

SCRIPT = "consent/choice.db4d59a6.js"
CACHEABLE_SCRIPT = "consent/choice.a7a21654.js"
STYLESHEET = "consent/choice.142bc79c.css"
EMBED_SCRIPT = "consent/embed.3f3fd13e.js"
EMBED_STYLESHEET = "consent/embed.54ef88b0.css"

# The SHA-256 of each file in consent/browser/ from which these were built.
SOURCES = {
    "choice.js": "4b8a7668907097c58210f12156cb2b69abb1f77928e55c895d07338c500fd6f3",
    "choice.css": "94a22dce833232257ed28ef42dc97b180958a72c0759ab1d059fccc81bb09ede",
    "embed.js": "bf3d27a03186cca992ae08238334feeb9f5637c5ee977cb4aea865b85d81510e",
    "embed.css": "f479425ec5830c064c1d426f06c2bc22ba3f04f2dfabb7886a180aff6039f2c8",
    "follow_consent.js": "892a9e224a89a317e913db9caa948cc7aa882217b24d5e1cc255b4100844c3e5",
    "read_choices.js": "d3c8637ad8bfd3778f57061e71358cff7d51f210343f9dd20760e3ff4bc6a801",
    "read_signals.js": "b1149030d60bac57dd0f1638edd4d41d041ed860305ecd1ef32ada109a0abddb",
    "google_consent_mode.js": "21f36203a59b19452cda1d81f134766a5003a9f34d76e07db408a0a48c3fd5dd",
    "notice_without_script.css": "7f26bed63dbd0f62d6142a812359949779cd4ffa857ad95c996069e165c07cc4",
    "signal_without_script.css": "a7c96351fc9e705dbd3283fd13dc5c930a803b19608765430f30c3cdc0da8d2c",
    "shared.json": "70d2e7b9a137bee1c6d168f3d5424dfa167beb14a09c255982ca3f3f4519775a",
}
