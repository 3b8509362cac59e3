"""What pages load, named after its content. Written by ``make assets``, never by hand."""

SCRIPT = "consent/choice.d5d36b15.js"
STYLESHEET = "consent/choice.052dcc18.css"

# The SHA-256 of each file in consent/browser/ from which these were built.
SOURCES = {
    "choice.css": "7a55d6277e716fd0e8da4f7a03347467438254d868d43f042ef97590daedd7d9",
    "choice.js": "e8b4e111ea96f0988e671b6f4424b26473b2535825c4fb4b93b8c588c5b90442",
}
