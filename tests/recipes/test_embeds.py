"""Recipes of embeds: what may be said of one, where its iframe leads, what a file must have."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.recipes import Embed, RecipeError, catalogue, load
from consent.recipes.embeds import EmbedParameter
from tests.recipes.test_recipes import assert_refused

pytestmark = pytest.mark.once

EMBEDS = [key for key, recipe in catalogue().items() if recipe.kind == "embed"]
CHANNEL = "UCaBcDeFgHiJkLmNoPqRsTuV"
PB = "!1m18!1m12!1m3!1d2483.5!2d-0.12!3d51.5!2sTower of London, “east”!5e0"

HEX = "0123456789abcdef0123456789abcdef"
HOST = "site.example"
SPOTIFY = "https://open.spotify.com/embed/"
SOUNDCLOUD = "https://w.soundcloud.com/player/?url=https%3A//api.soundcloud.com/"
TWITCH = "https://player.twitch.tv/?"
X_POST = "https://platform.twitter.com/embed/Tweet.html"
FACEBOOK = "https://www.facebook.com/plugins/post.php"
POST = "https://www.facebook.com/20531316728/posts/10154009990506729/"
OSM = "https://www.openstreetmap.org/export/embed.html"

# What a template of a page on HOST may say, and where that leads. Each embed of the catalogue has
# at least one.
ADDRESSES: dict[str, list[tuple[dict[str, str], str]]] = {
    "youtube": [
        ({"id": "aBcDeFgHiJk"}, "https://www.youtube-nocookie.com/embed/aBcDeFgHiJk"),
        (
            {"id": "-_cDeFgHiJk", "start": "90"},
            "https://www.youtube-nocookie.com/embed/-_cDeFgHiJk?start=90",
        ),
        *(
            ({"id": address}, "https://www.youtube-nocookie.com/embed/aBcDeFgHiJk")
            for address in (
                "https://www.youtube.com/watch?v=aBcDeFgHiJk",
                " https://m.youtube.com/watch?v=aBcDeFgHiJk&list=PL1 ",
                "https://youtu.be/aBcDeFgHiJk?si=x",
                "https://youtube.com/shorts/aBcDeFgHiJk",
                "https://www.youtube-nocookie.com/embed/aBcDeFgHiJk",
                "https://www.youtube.com/watch?app=desktop&v=aBcDeFgHiJk",
                "https://www.youtube.com/watch?list=PL1&v=aBcDeFgHiJk",
                "http://www.youtube.com/watch?v=aBcDeFgHiJk",
                "//www.youtube.com/embed/aBcDeFgHiJk",
                "youtu.be/aBcDeFgHiJk",
                "https://music.youtube.com/watch?v=aBcDeFgHiJk&si=x",
                "https://www.youtube.com/live/aBcDeFgHiJk?feature=share",
                '<iframe width="560" height="315" src="https://www.youtube.com/embed/aBcDeFgHiJk?si=a'
                '&amp;controls=0" title="YouTube video player" allowfullscreen></iframe>',
                "<p>\n<iframe src='https://www.youtube-nocookie.com/embed/aBcDeFgHiJk'></iframe></p>",
            )
        ),
        (
            {"id": "https://www.youtube.com/embed/videoseries?list=PLaBcDeFgHiJkLmNo&si=x"},
            "https://www.youtube-nocookie.com/embed/videoseries?list=PLaBcDeFgHiJkLmNo",
        ),
        (
            {"id": f"https://www.youtube.com/embed/live_stream?channel={CHANNEL}"},
            f"https://www.youtube-nocookie.com/embed/live_stream?channel={CHANNEL}",
        ),
        (
            {"id": "https://youtu.be/aBcDeFgHiJk?si=x&t=90"},
            "https://www.youtube-nocookie.com/embed/aBcDeFgHiJk?start=90",
        ),
        (
            {"id": "https://www.youtube.com/watch?v=aBcDeFgHiJk&t=4s"},
            "https://www.youtube-nocookie.com/embed/aBcDeFgHiJk?start=4",
        ),
        (
            {"id": "live_stream", "channel": CHANNEL},
            f"https://www.youtube-nocookie.com/embed/live_stream?channel={CHANNEL}",
        ),
    ],
    "vimeo": [
        ({"id": "123456789"}, "https://player.vimeo.com/video/123456789?dnt=1"),
        *(
            ({"id": address}, "https://player.vimeo.com/video/123456789?dnt=1")
            for address in (
                "https://vimeo.com/123456789",
                "https://vimeo.com/channels/staffpicks/123456789",
                "https://vimeo.com/groups/ferries/videos/123456789",
                "https://vimeo.com/showcase/7654321/video/123456789",
                "https://vimeo.com/manage/videos/123456789",
            )
        ),
        (
            {"id": "https://vimeo.com/123456789?share=copy"},
            "https://player.vimeo.com/video/123456789?dnt=1",
        ),
        *(
            ({"id": address}, "https://player.vimeo.com/video/123456789?h=0123abcd45&dnt=1")
            for address in (
                "https://vimeo.com/123456789/0123abcd45",
                "https://vimeo.com/123456789/0123abcd45?share=copy",
                "https://player.vimeo.com/video/123456789?h=0123abcd45&title=0",
                "https://vimeo.com/manage/videos/123456789/0123abcd45",
                '<div style="padding:56.25% 0 0 0;position:relative;"><iframe src="https://player.'
                'vimeo.com/video/123456789?h=0123abcd45&amp;badge=0" title="a"></iframe></div>'
                '<script src="https://player.vimeo.com/api/player.js"></script>',
            )
        ),
        (
            {"id": "123456789", "hash": "0123abcd45"},
            "https://player.vimeo.com/video/123456789?h=0123abcd45&dnt=1",
        ),
    ],
    "google-maps": [
        (
            {"map": "!1m18!1m12!1m3!1d2483.5"},
            "https://www.google.com/maps/embed?pb=%211m18%211m12%211m3%211d2483.5",
        ),
        (
            {
                "map": '<iframe src="https://www.google.com/maps/embed?pb=!1m18!1m12!1m3!1d2483.5" '
                'width="600" height="450" style="border:0;" allowfullscreen="" loading="lazy" '
                'referrerpolicy="no-referrer-when-downgrade"></iframe>'
            },
            "https://www.google.com/maps/embed?pb=%211m18%211m12%211m3%211d2483.5",
        ),
        (
            {"map": f"https://www.google.com/maps/embed?pb={quote(PB, safe='!:,')}"},
            f"https://www.google.com/maps/embed?pb={quote(PB, safe='')}",
        ),
    ],
    "spotify": [
        ({"id": "4uLU6hMCjMI75M1A2tKUQC"}, f"{SPOTIFY}track/4uLU6hMCjMI75M1A2tKUQC"),
        (
            {"type": "episode", "id": "4uLU6hMCjMI75M1A2tKUQC"},
            f"{SPOTIFY}episode/4uLU6hMCjMI75M1A2tKUQC",
        ),
        *(
            ({"id": address}, f"{SPOTIFY}playlist/4uLU6hMCjMI75M1A2tKUQC")
            for address in (
                "https://open.spotify.com/playlist/4uLU6hMCjMI75M1A2tKUQC?si=abc",
                "https://open.spotify.com/intl-de/playlist/4uLU6hMCjMI75M1A2tKUQC",
                '<iframe src="https://open.spotify.com/embed/playlist/4uLU6hMCjMI75M1A2tKUQC?'
                'utm_source=generator" width="100%"></iframe>',
            )
        ),
    ],
    "soundcloud": [
        ({"id": "293"}, f"{SOUNDCLOUD}tracks/293"),
        (
            {
                "id": '<iframe width="100%" src="https://w.soundcloud.com/player/?url=https%3A//'
                'api.soundcloud.com/playlists/1234567&color=%23ff5500&auto_play=false"></iframe>'
            },
            f"{SOUNDCLOUD}playlists/1234567",
        ),
        (
            {
                "id": "https://w.soundcloud.com/player/?url=https%3A//api.soundcloud.com/tracks/"
                "soundcloud%253Atracks%253A1234567&color=x"
            },
            f"{SOUNDCLOUD}tracks/1234567",
        ),
    ],
    "dailymotion": [
        *(
            ({"id": given}, "https://geo.dailymotion.com/player.html?video=x8abcde")
            for given in (
                "x8abcde",
                "https://www.dailymotion.com/video/x8abcde?playlist=x1",
                "https://dai.ly/x8abcde",
                "https://www.dailymotion.com/embed/video/x8abcde",
                "https://geo.dailymotion.com/player/xabc1.html?video=x8abcde",
            )
        ),
    ],
    "twitch": [
        ({"channel": "ferries"}, f"{TWITCH}channel=ferries&parent=site.example&autoplay=false"),
        *(
            ({"video": given}, f"{TWITCH}video=1234567890&parent=site.example&autoplay=false")
            for given in ("1234567890", "https://www.twitch.tv/videos/1234567890?t=1h")
        ),
        (
            {"channel": "https://www.twitch.tv/ferries"},
            f"{TWITCH}channel=ferries&parent=site.example&autoplay=false",
        ),
    ],
    "wistia": [
        *(
            ({"id": given}, "https://fast.wistia.net/embed/iframe/abcdef0123")
            for given in (
                "abcdef0123",
                "https://ferries.wistia.com/medias/abcdef0123",
                "https://fast.wistia.net/embed/iframe/abcdef0123?videoFoam=true",
                "https://fast.wistia.com/embed/medias/abcdef0123.jsonp",
            )
        ),
    ],
    "loom": [
        *(
            ({"id": given}, f"https://www.loom.com/embed/{HEX}")
            for given in (
                HEX,
                f"https://www.loom.com/share/{HEX}?sid=1",
                f"https://www.loom.com/share/How-ferries-work-{HEX}",
                f"https://www.loom.com/embed/{HEX}",
            )
        ),
    ],
    "tiktok-embed": [
        *(
            ({"id": given}, "https://www.tiktok.com/embed/v2/1234567890123456789")
            for given in (
                "1234567890123456789",
                "https://www.tiktok.com/@ferries.of-oddersay/video/1234567890123456789?lang=en",
                "https://www.tiktok.com/embed/v2/1234567890123456789",
            )
        ),
    ],
    "instagram-embed": [
        ({"id": "AbCdEf01234"}, "https://www.instagram.com/p/AbCdEf01234/embed"),
        *(
            ({"id": address}, "https://www.instagram.com/reel/AbCdEf01234/embed")
            for address in (
                "https://www.instagram.com/reel/AbCdEf01234/?igsh=abc",
                "https://instagram.com/ferries/reel/AbCdEf01234",
                "https://www.instagram.com/reel/AbCdEf01234/embed/captioned/",
            )
        ),
    ],
    "x-post": [
        *(
            ({"id": given}, f"{X_POST}?id=1234567890123456789&dnt=true")
            for given in (
                "1234567890123456789",
                "https://x.com/ferries/status/1234567890123456789?s=20",
                "https://twitter.com/ferries/status/1234567890123456789/photo/1",
                "https://x.com/i/web/status/1234567890123456789",
            )
        ),
    ],
    "facebook-post": [
        *(
            ({"href": given}, f"{FACEBOOK}?href={quote(POST, safe='')}&show_text=true")
            for given in (
                POST,
                f'<iframe src="{FACEBOOK}?href={quote(POST, safe="")}&show_text=true&width=500">'
                "</iframe>",
            )
        ),
        (
            {"href": "https://www.facebook.com/permalink.php?story_fbid=1&id=2"},
            f"{FACEBOOK}?href=https%3A%2F%2Fwww.facebook.com%2Fpermalink.php%3Fstory_fbid%3D1%26id"
            "%3D2&show_text=true",
        ),
    ],
    "openstreetmap": [
        (
            {"bbox": "-0.004,51.476,0.0003,51.478"},
            f"{OSM}?bbox=-0.004%2C51.476%2C0.0003%2C51.478&layer=mapnik",
        ),
        (
            {"bbox": "-0.004,51.476,0.0003,51.478", "marker": "51.477,-0.002"},
            f"{OSM}?bbox=-0.004%2C51.476%2C0.0003%2C51.478&layer=mapnik&marker=51.477%2C-0.002",
        ),
        (
            {
                "bbox": f'<iframe src="{OSM}?bbox=-0.004%2C51.476%2C0.0003%2C51.478&amp;layer='
                'mapnik&amp;marker=51.477%2C-0.002" style="border: 0"></iframe><br/>'
            },
            f"{OSM}?bbox=-0.004%2C51.476%2C0.0003%2C51.478&layer=mapnik&marker=51.477%2C-0.002",
        ),
    ],
    "calendly": [
        (
            {"user": "acme", "event": "intro"},
            "https://calendly.com/acme/intro"
            "?embed_domain=site.example&embed_type=Inline&hide_gdpr_banner=1",
        ),
        (
            {"user": "https://calendly.com/acme/intro?month=2026-12"},
            "https://calendly.com/acme/intro"
            "?embed_domain=site.example&embed_type=Inline&hide_gdpr_banner=1",
        ),
    ],
    "typeform": [
        *(
            ({"id": given}, "https://form.typeform.com/to/AbCd12")
            for given in ("AbCd12", "https://acme.typeform.com/to/AbCd12#name=x")
        ),
    ],
}
WRONG = {
    "youtube": [
        {},
        {"id": "aBcDeFgHiJ"},
        {"id": "aBcDeFgHiJk\n\n\x0b!"},
        {"id": "https://evil.example/watch?v=aBcDeFgHiJk"},
        {"id": "javascript://www.youtube.com/watch?v=aBcDeFgHiJk"},
        {"id": '<iframe src="https://evil.example/embed/aBcDeFgHiJk"></iframe>'},
        {"id": '<iframe data-src="https://youtu.be/aBcDeFgHiJk"></iframe>'},
        {"id": "<iframe " + "a " * 100_000},
        {"id": "https://www.youtube.com.evil.example/watch?v=aBcDeFgHiJk"},
        {"id": "aBcDeFgHiJk?autoplay=1"},
        {"id": "aBcDeFgHiJk", "start": "1m"},
        {"id": "aBcDeFgHiJk", "autoplay": "1"},
        {"id": "videoseries"},
        {"id": "https://www.youtube.com/embed/videoseries"},
        {"id": "live_stream"},
        {"id": "https://www.youtube.com/embed/live_stream?channel=Ferries"},
        {"id": "live_stream", "list": "PLaBcDeFgHiJkLmNo"},
    ],
    "vimeo": [{"id": "vimeo"}, {"id": "https://vimeo.com/123456789/unlisted"}],
    "google-maps": [
        {"map": "https://www.google.com/maps/place/Rome"},
        {"map": "!1m18!1m12!\n1m3"},
        {"map": "https://evil.example/?pb=!1m18!1m12!1m3"},
    ],
    "spotify": [
        {},
        {"type": "track"},
        {"id": "https://open.spotify.com.evil.example/track/4uLU6hMCjMI75M1A2tKUQC"},
        {"type": "artists", "id": "4uLU6hMCjMI75M1A2tKUQC"},
    ],
    "soundcloud": [
        {"id": "https://soundcloud.com/ferries/horn"},
        {"id": "https://w.soundcloud.com/player/?url=https%3A//evil.example/tracks/1"},
    ],
    "dailymotion": [{}, {"id": "8abcde"}, {"id": "https://evil.example/video/x8abcde"}],
    "twitch": [
        {},
        {"video": "https://www.twitch.tv/ferries/clip/Abc"},
        {"channel": "https://www.twitch.tv/videos/1234567890/more"},
        {"channel": "ferries&parent=evil.example"},
    ],
    "wistia": [{}, {"id": "https://evil.example/medias/abcdef0123"}, {"id": "abc/def0123"}],
    "loom": [{}, {"id": HEX[:-1]}, {"id": f"https://loom.com.evil.example/share/{HEX}"}],
    "tiktok-embed": [{}, {"id": "https://vm.tiktok.com/ZMabc/"}, {"id": "12345"}],
    "instagram-embed": [{}, {"id": "https://www.instagram.com/ferries/"}, {"id": "a/../b"}],
    "x-post": [{}, {"id": "https://x.com/ferries"}, {"id": "123456789&theme=dark"}],
    "facebook-post": [
        {},
        {"href": "https://evil.example/posts/1"},
        {"href": "https://www.facebook.com.evil.example/posts/1"},
        {"href": "http://www.facebook.com"},
    ],
    "openstreetmap": [{}, {"bbox": "1,2,3"}, {"bbox": "1,2,3,4&layer=x"}, {"marker": "1,2"}],
    "calendly": [{}, {"user": "acme"}, {"user": "https://calendly.com/d/abc/intro"}],
    "typeform": [{}, {"id": "https://acme.typeform.com/settings"}, {"id": "to/AbCd12"}],
}


class Tags(HTMLParser):
    """The tags of some markup and their attributes, as a browser reads them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def embed_of(key: str) -> Embed:
    embed = catalogue()[key].embed
    assert embed is not None
    return embed


def iframe(html: str) -> dict[str, str | None]:
    ((tag, attributes),) = Tags(html).found
    assert tag == "iframe"
    return attributes


def test_no_embed_of_the_catalogue_is_without_its_tests():
    assert set(ADDRESSES) == set(WRONG) == set(EMBEDS)


@pytest.mark.parametrize("key", EMBEDS)
def test_examples_are_accepted_and_lead_to_a_host_of_the_recipe(key):
    embed = embed_of(key)
    given = {parameter.name: parameter.example for parameter in embed.parameters}

    address = iframe(embed.html(given, "A title", HOST))["src"] or ""

    assert embed.errors(given) == {}
    hosts = [urlsplit(source).hostname for source in catalogue()[key].csp["frame-src"]]
    assert urlsplit(address).hostname in hosts
    assert catalogue()[key].render({}, key) == ""


@pytest.mark.parametrize(
    ("key", "given", "address"),
    [(key, given, address) for key in EMBEDS for given, address in ADDRESSES.get(key, [])],
)
def test_what_is_said_leads_to_the_address(key, given, address):
    assert iframe(embed_of(key).html(given, "A title", HOST))["src"] == address


@pytest.mark.parametrize(
    ("key", "given"), [(key, given) for key in EMBEDS for given in WRONG.get(key, [])]
)
def test_what_is_wrong_is_named_and_never_written(key, given):
    embed = embed_of(key)

    assert embed.errors(given)
    with pytest.raises(ValueError, match=r"\w"):
        embed.html(given, "A title")


@pytest.mark.parametrize("key", EMBEDS)
def test_iframe_has_a_title_loads_late_and_runs_nothing_of_the_tags(key):
    given, _ = ADDRESSES[key][0]

    attributes = iframe(embed_of(key).html(given, 'A "title" <script> & more'))

    assert attributes["title"] == 'A "title" <script> & more'
    assert attributes["loading"] == "lazy"
    assert attributes["referrerpolicy"] == "strict-origin-when-cross-origin"
    assert not {name for name in attributes if name.startswith("on")}


ANYTHING = EmbedParameter(
    name="id", label="Id", example="x", pattern=r"[\s\S]*", required=True, address="go:(.*)"
)
nasty_text = st.one_of(
    st.text(min_size=1), st.text(alphabet="</iframe>\"'&?#%+={}\0\n ", min_size=1)
).filter(str.strip)


@given(nasty_text, nasty_text)
def test_nothing_breaks_out_of_the_iframe(value: str, title: str):
    query = {"q": "{{id}}", "x": "1"}
    embed = Embed(
        name="Any", src="https://good.example/a/{{id}}/b", parameters=(ANYTHING,), query=query
    )

    address = iframe(embed.html({"id": value}, title))["src"] or ""

    parts = urlsplit(address)
    assert (parts.hostname, parts.path.count("/"), parts.fragment) == ("good.example", 3, "")
    assert set(parse_qs(parts.query, keep_blank_values=True)) == {"q", "x"}


GOOD = """
name = "Good"
vendor = "Good, Inc."
kind = "embed"
category = "functional"
placement = "manual"
privacy_url = "https://good.example/privacy"
description = "Shows good."
confidence = "low"
sources = ["https://good.example/docs"]

[embed]
src = "https://good.example/{{id}}"
query = { at = "{{at}}" }
attributes = { allowfullscreen = true }

[[embed.parameters]]
name = "id"
label = "Film"
pattern = '[a-z]{1,5}'
address = 'https://good\\.example/film/([a-z]{1,5})'
example = "abc"
help = "The film."
required = true

[[embed.parameters]]
name = "at"
label = "At"
pattern = '[0-9]{1,3}'
example = "10"
help = "Where to begin."
"""
PARAMETER = GOOD[GOOD.index("[[embed.parameters]]") : GOOD.rindex("[[embed.parameters]]")]
SCRIPT = '[[scripts]]\nsrc = "https://good.example/x.js"\n\n'


def recipe(directory: Path, text: str) -> Path:
    path = directory / "good.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_good_file_is_read_in_full(tmp_path):
    embed = load(recipe(tmp_path, GOOD)).embed

    assert embed is not None
    assert embed.name == "Good"
    assert embed.html({"id": "https://good.example/film/xyz", "at": "7"}, "T") == (
        '<iframe src="https://good.example/xyz?at=7" title="T" loading="lazy" allowfullscreen>'
        "</iframe>"
    )
    assert hash(load(tmp_path / "good.toml")) == hash(load(tmp_path / "good.toml"))


BROKEN = [
    ('kind = "embed"', 'kind = "browser"', "embed: is for tools of the kind embed only."),
    ('placement = "manual"', 'placement = "head"', "placement: must be manual"),
    ("[embed]", f"{SCRIPT}[embed]", "scripts: are for browser tools only."),
    (
        "[embed]",
        PARAMETER.replace("embed.", "").replace("address", "default") + "[embed]",
        "parameters[0].default: “https",
    ),
    ('src = "https:', 'src = "http:', "embed.src: “http://good"),
    ("//good.example/{{id}}", "//{{id}}/x", "embed.src: “https://{{id}}/x” is not an https"),
    ("{{id}}", "{{id}}?x=1", "embed.src: “https://good.example/{{id}}?x=1” is not"),
    ("/{{id}}", "/{{id}}/{{at}}", "embed.src: holds at, which may be blank"),
    ("{{at}}", "{{when}}", "embed.src: holds {{when}}, but there is no such parameter."),
    ("{{at}}", "1", "embed.parameters[1].name: “at” is never used."),
    ('name = "at"', 'name = "id"', "embed.parameters[1].name: “id” is there twice."),
    ("/([a-z]{1,5})'", "/[a-z]{1,5}'", "embed.parameters[0].address: must have exactly one"),
    ("film/([", "film/((", "embed.parameters[0].address: is not a regular expression"),
    ('name = "at"', 'name = "title"', "embed.parameters[1].name: must be none of"),
    ("required = true", "secret = true", "embed.parameters[0].secret: would be readable"),
    ("allowfullscreen = true", 'onload = "x()"', "embed.attributes.onload: is not an"),
    ("allowfullscreen = true", 'srcdoc = "x"', "embed.attributes.srcdoc: is not an"),
    ("query =", "queries =", "embed.queries: is unknown."),
    ("query =", 'any_of = ["when"]\nquery =', "embed.any_of[0]: “when” is not a parameter."),
    ("/{{id}}", "/{{page_host}}/{{id}}", "embed.src: holds page_host, which only a field"),
    ('name = "at"', 'name = "page_host"', "embed.parameters[1].name: “page_host” is what the"),
]


@pytest.mark.parametrize(("old", "new", "message"), BROKEN)
def test_broken_file_is_refused_with_file_and_field_named(tmp_path, old, new, message):
    assert old in GOOD

    assert_refused(recipe(tmp_path, GOOD.replace(old, new, 1)), message)


NEEDS_HOST = GOOD.replace('at = "{{at}}"', 'at = "{{at}}", on = "{{page_host}}"')


def test_page_host_is_in_the_query_where_it_is_known(tmp_path):
    embed = load(recipe(tmp_path, NEEDS_HOST)).embed

    assert embed is not None
    assert embed.names_host
    address = iframe(embed.html({"id": "abc"}, "T", "a.example&b=c"))["src"]
    assert address == "https://good.example/abc?on=a.example%26b%3Dc"
    assert iframe(embed.html({"id": "abc"}, "T"))["src"] == "https://good.example/abc"


def test_one_of_several_parameters_is_enough_and_needed(tmp_path):
    text = GOOD.replace("query =", 'any_of = ["at", "id"]\nquery =').replace("required = true", "")
    text = text.replace("/{{id}}", "/x").replace('"{{at}}"', '"{{at}}", id = "{{id}}"')
    embed = load(recipe(tmp_path, text)).embed

    assert embed is not None
    assert list(embed.errors({})) == ["at"]
    assert embed.errors({"at": "7"}) == embed.errors({"id": "abc"}) == {}


def test_parameters_of_an_embed_are_not_the_tools(tmp_path):
    own = PARAMETER.replace("embed.", "").replace("address", "# address") + "[embed]"

    with pytest.raises(RecipeError, match="parameters: of an embed belong under"):
        load(recipe(tmp_path, GOOD.replace("[embed]", own, 1)))


def test_value_that_needs_a_parameter_says_which():
    assert embed_of("youtube").errors({"id": "live_stream"}) == {
        "channel": "Channel is missing. It looks like this: UCaBcDeFgHiJkLmNoPqRsTuV"
    }
