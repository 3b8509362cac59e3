"""What pages load, named after its content. Written by ``make assets``, never by hand."""

SCRIPT = "consent/choice.d700dc9a.js"
CACHEABLE_SCRIPT = "consent/choice.392af3f2.js"
STYLESHEET = "consent/choice.142bc79c.css"
EMBED_SCRIPT = "consent/embed.2e933055.js"
EMBED_STYLESHEET = "consent/embed.89d16f45.css"

# The SHA-256 of each file in consent/browser/ from which these were built.
SOURCES = {
    "choice.js": "66c2fd45783acd3170d6dfb5b7afe65710ae68846ed6aca3720794ce44774375",
    "choice.css": "94a22dce833232257ed28ef42dc97b180958a72c0759ab1d059fccc81bb09ede",
    "embed.js": "0478749d2b77ecdfab1d72a77ccdbbeebb983a35f257895ecaf389973f33ed30",
    "embed.css": "d166e546a9b15983b5786f1e8878f6cc22231b4b489d9ed2d2ca5ece162a07c6",
}
