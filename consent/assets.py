"""What pages load, named after its content. Written by ``make assets``, never by hand."""

SCRIPT = "consent/choice.f44de94b.js"
STYLESHEET = "consent/choice.17948b7f.css"

# The SHA-256 of each file in consent/browser/ from which these were built.
SOURCES = {
    "choice.css": "a7cbccc3f6c469bc378d740ba868ecd241aab21fd826dc967abfaa8a763c195c",
    "choice.js": "37e881e46353587144f92bd6c1d84c6a587c47e4f7481c30efed9594e1f303d8",
}
