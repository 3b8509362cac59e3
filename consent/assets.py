"""What pages load, named after its content. Written by ``make assets``, never by hand."""

SCRIPT = "consent/choice.03dbb1a4.js"
CACHEABLE_SCRIPT = "consent/choice.181e8cc3.js"
STYLESHEET = "consent/choice.142bc79c.css"
EMBED_SCRIPT = "consent/embed.2e933055.js"
EMBED_STYLESHEET = "consent/embed.89d16f45.css"

# The SHA-256 of each file in consent/browser/ from which these were built.
SOURCES = {
    "choice.js": "d1b74dad29ee448a872aff2a4c02199d9f51bb8b35a37729c8d92e0dd77c53a5",
    "choice.css": "94a22dce833232257ed28ef42dc97b180958a72c0759ab1d059fccc81bb09ede",
    "embed.js": "0478749d2b77ecdfab1d72a77ccdbbeebb983a35f257895ecaf389973f33ed30",
    "embed.css": "d166e546a9b15983b5786f1e8878f6cc22231b4b489d9ed2d2ca5ece162a07c6",
}
