"""Whether markup stays in the template that it is put into."""

import pytest

from consent import inert

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    "html",
    [
        "",
        '<iframe src="https://vendor.example/"></iframe>',
        "<script>if (a < b) document.write('<p>')</script><style>p > b {}</style>",
        "<template>a</template><p>b</p>",
        '<TEMPLATE data-x="1"><template/>deep</template></Template >',
        "<p>about the word template</p>",
    ],
)
def test_what_closes_each_of_its_templates_stays(html):
    assert inert.stays(html)


@pytest.mark.parametrize(
    "html",
    [
        "</template><script>x()</script>",
        "<p></TEMPLATE\n><script>x()</script>",
        "<template>",
        "</template><template>",
        "<!-- <template> --></template><script>x()</script>",
        "<!--x--!><template> --></template>",
        "<![CDATA[ <template> ]]></template>",
        '<p title="<template>"></template>',
        "<script>'<template>'</script></template>",
        "<style><template></style></template>",
        "<textarea><template></textarea></template>",
        "<title><template></title></template>",
        "<iframe><template></iframe></template>",
        "<noscript><template></noscript></template>",
        "<svg><template></svg></template>",
        "<template></template",
        "<template></template><template",
    ],
)
def test_what_could_end_the_template_around_it_does_not(html):
    assert not inert.stays(html)
