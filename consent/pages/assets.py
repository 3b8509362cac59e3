"""What pages load, named after its content. Written by ``make assets``, never by hand."""

SCRIPT = "consent/choice.e5d50c6d.js"
CACHEABLE_SCRIPT = "consent/choice.37276aa6.js"
STYLESHEET = "consent/choice.142bc79c.css"
EMBED_SCRIPT = "consent/embed.05fe301d.js"
EMBED_STYLESHEET = "consent/embed.54ef88b0.css"

# The SHA-256 of each file in consent/browser/ from which these were built.
SOURCES = {
    "choice.js": "b09dce160e8f672b4409b0a840ffd5effff3117e1d61fbab761396eb52ad7e80",
    "choice.css": "94a22dce833232257ed28ef42dc97b180958a72c0759ab1d059fccc81bb09ede",
    "embed.js": "6d98e9c0c1f2d261adb1a38af11fcb33e1f46986c91cfd2a22b3b15c2aa54c97",
    "embed.css": "f479425ec5830c064c1d426f06c2bc22ba3f04f2dfabb7886a180aff6039f2c8",
}
