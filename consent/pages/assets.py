"""What pages load, named after its content. Written by ``make assets``, never by hand."""

SCRIPT = "consent/choice.b9aaa00a.js"
CACHEABLE_SCRIPT = "consent/choice.0ab5c2bd.js"
STYLESHEET = "consent/choice.142bc79c.css"
EMBED_SCRIPT = "consent/embed.05fe301d.js"
EMBED_STYLESHEET = "consent/embed.54ef88b0.css"

# The SHA-256 of each file in consent/browser/ from which these were built.
SOURCES = {
    "choice.js": "4e438de2254535679421b56e8147be92027b06ace69834cdc9a388b22d7c697b",
    "choice.css": "94a22dce833232257ed28ef42dc97b180958a72c0759ab1d059fccc81bb09ede",
    "embed.js": "6d98e9c0c1f2d261adb1a38af11fcb33e1f46986c91cfd2a22b3b15c2aa54c97",
    "embed.css": "f479425ec5830c064c1d426f06c2bc22ba3f04f2dfabb7886a180aff6039f2c8",
    "follow_consent.js": "892a9e224a89a317e913db9caa948cc7aa882217b24d5e1cc255b4100844c3e5",
    "read_choices.js": "d3c8637ad8bfd3778f57061e71358cff7d51f210343f9dd20760e3ff4bc6a801",
    "read_signals.js": "b1149030d60bac57dd0f1638edd4d41d041ed860305ecd1ef32ada109a0abddb",
    "google_consent_mode.js": "21f36203a59b19452cda1d81f134766a5003a9f34d76e07db408a0a48c3fd5dd",
    "notice_without_script.css": "7f26bed63dbd0f62d6142a812359949779cd4ffa857ad95c996069e165c07cc4",
    "signal_without_script.css": "a7c96351fc9e705dbd3283fd13dc5c930a803b19608765430f30c3cdc0da8d2c",
    "shared.json": "ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356",
}
