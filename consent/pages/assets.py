"""What pages load, named after its content. Written by ``make assets``, never by hand."""

SCRIPT = "consent/choice.f2e072b2.js"
CACHEABLE_SCRIPT = "consent/choice.762d26a8.js"
STYLESHEET = "consent/choice.de8c8025.css"
EMBED_SCRIPT = "consent/embed.63a7bd1b.js"
EMBED_STYLESHEET = "consent/embed.77ce3259.css"

# The SHA-256 of each file in consent/browser/ from which these were built.
SOURCES = {
    "reloading.js": "05067ab24a87349385b1a54a4b1fd5369ec71f149baab50e6ae0a9aff407234b",
    "live_scripts.js": "2dc39236aac03a225ea1cc4103f831f152507f8e7bf7393589dcc237404a69b9",
    "choice.js": "6db131adc747dde58a862012c34d2aad9ae46e8382404e30b7da62c96893be9c",
    "choice.css": "8087a1cc85de486de6772d70c1cd57dddd3efbb85bdc5c75522cebce0335ca89",
    "embed.js": "342591659a7779b0c273fd94798266f7179a5066e22e9bec49af11a6d13d0d77",
    "embed.css": "2e4d52507a375ed65d26f0ec3a4e3593465387eb176d1b2794c310975d890241",
    "follow_consent.js": "892a9e224a89a317e913db9caa948cc7aa882217b24d5e1cc255b4100844c3e5",
    "read_choices.js": "d3c8637ad8bfd3778f57061e71358cff7d51f210343f9dd20760e3ff4bc6a801",
    "read_signals.js": "b1149030d60bac57dd0f1638edd4d41d041ed860305ecd1ef32ada109a0abddb",
    "google_consent_mode.js": "21f36203a59b19452cda1d81f134766a5003a9f34d76e07db408a0a48c3fd5dd",
    "notice_without_script.css": "8d871f92595281c844493bb72bddd0f6fd8365a691d0a4e5168715221319d1cb",
    "signal_without_script.css": "a7c96351fc9e705dbd3283fd13dc5c930a803b19608765430f30c3cdc0da8d2c",
    "shared.json": "0fbeb616eb0c76cfc14699301eaf68a21d3cd9f1be23b69d7070e87562ed64f5",
}
