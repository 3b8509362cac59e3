"""What pages load, named after its content. Written by ``make assets``, never by hand."""

SCRIPT = "consent/choice.c677fdf6.js"
STYLESHEET = "consent/choice.465d98bd.css"

# The SHA-256 of each file in consent/browser/ from which these were built.
SOURCES = {
    "choice.css": "810617434d7f45633e72ed6e745310c3d72f46aa975d646dbd79f810c2e2445a",
    "choice.js": "bae306e5ca5db19270d87573d38828787c1bab4cc70d636c547ab66bf2d38fa8",
}
