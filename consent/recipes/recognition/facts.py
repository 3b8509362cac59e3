"""What of a recipe is looked for in pasted code, made ready for that."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from consent.recipes import Recipe, Script, valid
from consent.recipes.escaping import PLACEHOLDER
from consent.recipes.markers import MARKS
from consent.recipes.parameters import Parameter
from consent.recipes.recognised_by import read
from consent.recipes.recognition.addresses import AddressForm
from consent.recipes.recognition.code_forms import CodeForm

_ADDRESS_IN_CODE = re.compile(r"\"(https://[a-z0-9-]+(?:\.[a-z0-9-]+)+/[^\"?\s]*)")
_GLOBAL = re.compile(r"window\.([\w$]+)")
_ASSIGNED = re.compile(r"window\.([\w$]+) = ")
# Of any of Google's tags, and of other tag managers.
_OF_SEVERAL = {"dataLayer"}
_WRAPPED = re.compile(r"(?:Number|String|encodeURIComponent)\(\Z")
# What stands before a placeholder: a call with at most one text before it, or an assignment.
_BEFORE = re.compile(
    r"""(?:window\.)?(?P<code>(?P<root>[\w$]+)(?:\.[\w$]+)*(?:\((?:"[^"]*",\ )?|\ =\ ))\Z""",
    re.VERBOSE,
)
_KEY_BEFORE = re.compile(r"[\w$]+: \Z")
_DECLARED = re.compile(r"var [\w$]+ = \Z")
_ANYWHERE = ("https://host.example", "https://sub.host.example/path/file.js")


@dataclass(frozen=True)
class Facts:
    """The forms of address and code by which one recipe is recognised, and its parameters.

    `unmistakable`: names of the parameters whose values nothing else looks like.
    """

    recipe: Recipe
    addresses: tuple[AddressForm, ...]
    code: tuple[CodeForm, ...]
    unmistakable: tuple[str, ...]
    parameters: Mapping[str, Parameter] = field(hash=False)

    def accepted(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return those of the values that the recipe's own rules accept."""
        checked = {name: self._checked(name, value) for name, value in values.items()}
        return {name: value for name, value in checked.items() if value}

    def _checked(self, name: str, value: str) -> str:
        parameter = self.parameters.get(name)
        if parameter is None or not value:
            return ""
        candidates = [value]
        if parameter.may_be_address and not value.startswith("https://"):
            # Code names hosts without a scheme, and with slashes where either scheme will do.
            candidates.append("https://" + value.removeprefix("http:").removeprefix("//"))
        return next(filter(parameter.accepts, candidates), "")

    @cached_property
    def needed(self) -> frozenset[str]:
        """The names of the parameters without which the tool does not run."""
        return frozenset(self.recipe.needed)

    @cached_property
    def functions(self) -> frozenset[str]:
        """The names of the vendor's own functions."""
        own = (form for form in self.code if form.identifies)
        return frozenset(form.function for form in own if form.function)

    @cached_property
    def names(self) -> frozenset[str]:
        """The names in code that are the vendor's: of its functions and its global variables."""
        names = {*self.functions, *_ASSIGNED.findall(self.own_code)} - _OF_SEVERAL
        return frozenset(name for name in names if len(name) > 2)

    @cached_property
    def own_code(self) -> str:
        """All inline code of the recipe."""
        return "\n".join(script.inline for script in self.recipe.scripts)

    @cached_property
    def own_words(self) -> frozenset[str]:
        """The names and words in the inline code of the recipe."""
        return frozenset(re.findall(r"[\w$]+", self.own_code))


def all_facts() -> list[Facts]:
    """Return the facts of all valid recipes."""
    return [facts_of(recipe) for recipe in valid().values()]


def shared_places(all_of_them: list[Facts]) -> frozenset[str]:
    """Return the hosts and paths that several recipes have: there, the value decides."""
    places = Counter(
        place for each in all_of_them for place in {form.shared for form in each.addresses}
    )
    return frozenset(place for place, count in places.items() if count > 1)


@lru_cache(maxsize=512)
def facts_of(recipe: Recipe) -> Facts:
    """Return what of `recipe` is looked for."""
    embedded = recipe.embed.parameters if recipe.embed else ()
    parameters = {each.name: each for each in (*recipe.parameters, *embedded)}
    lines = [read(text) for text in recipe.recognised_by]
    addresses = [
        *(AddressForm(each.text, each.means, each.identifies) for each in lines if each.is_address),
        *_addresses_of_scripts(recipe, parameters),
        *_addresses_of_embed(recipe),
    ]
    code = [
        *(CodeForm(each.text, each.means, each.identifies) for each in lines if each.is_code),
        *_code_of_scripts(recipe),
    ]
    unmistakable = tuple(each.text.strip("{}") for each in lines if each.is_value)
    return Facts(recipe, tuple(addresses), tuple(dict.fromkeys(code)), unmistakable, parameters)


def _addresses_of_scripts(
    recipe: Recipe, parameters: Mapping[str, Parameter]
) -> Iterator[AddressForm]:
    for script in recipe.scripts:
        means = {name: values[0] for name, values in script.when.items() if len(values) == 1}
        start = PLACEHOLDER.match(script.src)
        if start:
            yield AddressForm(script.src, means, _names_vendor(parameters[start[1]]))
        elif script.src:
            yield AddressForm(script.src, means)
    known = {script.src.partition("?")[0] for script in recipe.scripts}
    for script in recipe.scripts:
        for address in _ADDRESS_IN_CODE.findall(script.inline):
            if address not in known:
                yield AddressForm(address)


def _names_vendor(parameter: Parameter) -> bool:
    """Say whether the addresses that a parameter accepts are at the vendor's hosts only."""
    return not any(parameter.accepts(address) for address in _ANYWHERE)


def _addresses_of_embed(recipe: Recipe) -> Iterator[AddressForm]:
    if recipe.embed is not None:
        query = "&".join(f"{name}={text}" for name, text in recipe.embed.query.items())
        yield AddressForm(f"{recipe.embed.src}?{query}")


def _code_of_scripts(recipe: Recipe) -> Iterator[CodeForm]:
    for script in recipe.scripts:
        names = frozenset(_GLOBAL.findall(script.inline))
        for placeholder in PLACEHOLDER.finditer(script.inline):
            if placeholder[1] not in MARKS:
                yield from _form_before(script.inline[: placeholder.start()], placeholder, names)
        yield from _attributes_of(script)


def _attributes_of(script: Script) -> Iterator[CodeForm]:
    """Yield the attributes of a script that are parameters, and those within JSON."""
    texts = [f"{name}='{text}'" for name, text in script.attributes.items() if text]
    for each in script.json_attributes.values():
        texts += [f"{key}: '{text}'" for key, text in each.items()]
    for text in texts:
        if PLACEHOLDER.search(text):
            yield CodeForm(text, identifies=False)


def _form_before(
    code: str, placeholder: re.Match[str], names: frozenset[str]
) -> Iterator[CodeForm]:
    before = _WRAPPED.sub("", code.rpartition("\n")[2])
    if _DECLARED.search(before):
        return
    if found := _BEFORE.search(before):
        yield CodeForm(f"{found['code']}'{placeholder[0]}'", identifies=found["root"] in names)
    elif found := _KEY_BEFORE.search(before):
        yield CodeForm(f"{found[0]}'{placeholder[0]}'", identifies=False)
