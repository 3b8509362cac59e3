"""What pages load, named after its content. Written by ``make assets``, never by hand."""

SCRIPT = "consent/choice.c677fdf6.js"
STYLESHEET = "consent/choice.b8f76ed0.css"

# The SHA-256 of each file in consent/browser/ from which these were built.
SOURCES = {
    "choice.css": "89ccbd0c67bc3f831c2b3352545b8bc462a9cfca03bf316b654a807e30e39d18",
    "choice.js": "bae306e5ca5db19270d87573d38828787c1bab4cc70d636c547ab66bf2d38fa8",
}
