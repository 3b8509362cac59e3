"""What pages load, named after its content. Written by ``make assets``, never by hand."""

SCRIPT = "consent/choice.5c2ce757.js"
STYLESHEET = "consent/choice.b8f76ed0.css"

# The SHA-256 of each file in consent/browser/ from which these were built.
SOURCES = {
    "choice.css": "89ccbd0c67bc3f831c2b3352545b8bc462a9cfca03bf316b654a807e30e39d18",
    "choice.js": "c896c3064c80242fba2171f311fa9f53788d6adea7321364bc0ec71027ad3a81",
}
