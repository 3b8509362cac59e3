"""What each field of a recipe file means, for the schema that editors show while one writes."""

from __future__ import annotations

from collections.abc import Mapping

from consent.recipes.definitions import ConsentMode, DeclaredCookie, Recipe, Script
from consent.recipes.embeds import Embed, EmbedParameter
from consent.recipes.parameters import Parameter

_PARAMETER = {
    "name": "The name that {{placeholders}} use: small letters, digits and underscores.",
    "label": "The label of the field in the admin.",
    "example": "A value that is accepted; it is shown to the site's owner.",
    "help": "Where the site's owner finds the value.",
    "pattern": "A regular expression that the whole value must match; without ^ and $.",
    "choices": "The only values that are accepted; instead of a pattern.",
    "required": "Whether the tool cannot do without a value.",
    "default": "The value that is used if the site's owner gives none.",
    "secret": "Whether the value must not be shown; only for tools of the kind server.",
    "code": "Whether the value decides which scripts run on the website.",
}

DESCRIPTIONS: Mapping[type, Mapping[str, str]] = {
    Recipe: {
        "name": "The current name of the product.",
        "also_known_as": "Other names that people may search for.",
        "vendor": "Who receives the data.",
        "kind": "browser: scripts in pages. server: events from the server. embed: a frame.",
        "category": "The key of the category to which the tool usually belongs.",
        "placement": "Where its scripts are: head, body, or manual, where a template asks for it.",
        "privacy_url": "The https address of the vendor's privacy policy.",
        "description": "What the tool does, in a sentence for visitors.",
        "confidence": "How certain the facts are.",
        "checked": "The day on which the facts were compared with the sources, without quotes.",
        "note": "What the site's owner should know, and what was not verified.",
        "sources": "Where the facts are from.",
        "parameters": "What the site's owner fills in.",
        "scripts": "The script elements, in the order in which the page contains them.",
        "csp": "Every host with which the tool communicates, by directive.",
        "consent_mode": "The signals of Consent Mode that the vendor uses.",
        "cookies": "The cookies and storage keys that the tool sets.",
        "embed": "The frame of a tool of the kind embed.",
        "endpoint": "The name of the required parameter that is the address for events.",
        "authorization": "The name of the secret parameter that is sent as Authorization header.",
        "signed": "Whether events are signed according to Standard Webhooks.",
        "recognised_by": "How the vendor's code is recognised where the recipe's differs.",
        "loads_others": "Whether it is a tag manager, or starts further tools in another way.",
    },
    Parameter: _PARAMETER,
    EmbedParameter: {
        **_PARAMETER,
        "address": "A regular expression with one group, which takes the value from an address.",
    },
    Script: {
        "inline": "The code of the script. A {{parameter}} becomes a JavaScript string.",
        "src": "The https address of the script. A {{parameter}} is percent-encoded.",
        "is_async": "Whether the script is loaded with the attribute async.",
        "attributes": "Further attributes; true stands for an attribute without a value.",
        "json_attributes": "Attributes whose value is a JSON object of texts.",
        "when": "Parameters, each with the choices for which the script is written.",
    },
    ConsentMode: {
        "types": "The signals that the vendor uses.",
        "google_tag": "Whether it is a tag of Google's: these receive the signals first.",
    },
    DeclaredCookie: {
        "name": "The name; * matches the part that varies.",
        "kind": "cookie, or storage: localStorage, sessionStorage or IndexedDB.",
        "party": "first: this website's. third: the vendor's.",
        "retention": "How long it is kept, in words: 2 years.",
        "purpose": "What it is for, in a sentence for visitors.",
    },
    Embed: {
        "src": "The https address of the frame, with a fixed host and without a query.",
        "parameters": "The arguments of the template tag.",
        "query": "Fields of the query; one with a blank parameter is left out.",
        "needs": "A value that is refused without a parameter, and the name of that parameter.",
        "any_of": "Parameters of which one must be given.",
        "attributes": "Further attributes of the iframe; true: without a value.",
    },
}
