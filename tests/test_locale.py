"""The catalogues that come with the app: complete, up to date, and what a visitor reads."""

import re
from collections import Counter
from gettext import GNUTranslations, c2py
from html import unescape
from io import StringIO
from pathlib import Path

import django
import pytest
from django.conf.locale import LANG_INFO
from django.core.management import call_command
from django.test import Client
from django.utils.html import strip_tags
from django.utils.translation import get_language_info, override

from consent.models import Category, Policy, default_texts
from tests.factories import ToolFactory
from tests.messages import HEADINGS, LANGUAGES, compiled, entries, in_source, read

pytestmark = pytest.mark.once

# Their catalogues have the texts of the admin and of commands, too.
FOR_THE_TEAM = ("de", "fr")

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w+\}")


def table(lines: str) -> dict[str, tuple[str, ...]]:
    """Return what is written for each language, its columns apart by a bar."""
    rows = (line.partition(": ") for line in lines.strip().splitlines())
    return {language: tuple(columns.split(" | ")) for language, _, columns in rows}


# “Website Data Collection Preferences”.
CONTROL = table("""
ar: تفضيلات جمع البيانات
bg: Предпочитания за събиране на данни
cs: Nastavení sběru údajů
da: Indstillinger for dataindsamling
de: Einstellungen zur Website-Datenerhebung
el: Προτιμήσεις συλλογής δεδομένων
es: Preferencias de recogida de datos
et: Andmete kogumise eelistused
fi: Tietojen keruun asetukset
fr: Préférences de collecte de données
ga: Roghanna bailithe sonraí
he: העדפות איסוף נתונים
hr: Postavke prikupljanja podataka
hu: Adatgyűjtési beállítások
it: Preferenze sulla raccolta dei dati
lt: Duomenų rinkimo nuostatos
lv: Datu vākšanas iestatījumi
mt: Preferenzi dwar il-ġbir tad-data
nl: Voorkeuren voor gegevensverzameling
pl: Ustawienia zbierania danych
pt: Preferências de recolha de dados
ro: Preferințe privind colectarea datelor
sk: Nastavenia zberu údajov
sl: Nastavitve zbiranja podatkov
sv: Inställningar för datainsamling
""")
# Accept all, reject all, preferences, save, cancel. They were compared with the words of other
# consent systems; “reject all” is a plain refusal.
BUTTONS = table("""
ar: قبول الكل | رفض الكل | التفضيلات | حفظ | إلغاء
bg: Приемане на всички | Отхвърляне на всички | Предпочитания | Запазване | Отказ
cs: Přijmout vše | Odmítnout vše | Nastavení | Uložit | Zrušit
da: Accepter alle | Afvis alle | Indstillinger | Gem | Annuller
de: Alle akzeptieren | Alle ablehnen | Einstellungen | Speichern | Abbrechen
el: Αποδοχή όλων | Απόρριψη όλων | Προτιμήσεις | Αποθήκευση | Ακύρωση
es: Aceptar todo | Rechazar todo | Preferencias | Guardar | Cancelar
et: Nõustu kõigiga | Keeldu kõigist | Eelistused | Salvesta | Tühista
fi: Hyväksy kaikki | Hylkää kaikki | Asetukset | Tallenna | Peruuta
fr: Tout accepter | Tout refuser | Préférences | Enregistrer | Annuler
ga: Glac le gach rud | Diúltaigh do gach rud | Roghanna | Sábháil | Cealaigh
he: אישור הכול | דחיית הכול | העדפות | שמירה | ביטול
hr: Prihvati sve | Odbij sve | Postavke | Spremi | Odustani
hu: Összes elfogadása | Összes elutasítása | Beállítások | Mentés | Mégse
it: Accetta tutto | Rifiuta tutto | Preferenze | Salva | Annulla
lt: Priimti visus | Atmesti visus | Nuostatos | Išsaugoti | Atšaukti
lv: Pieņemt visu | Noraidīt visu | Iestatījumi | Saglabāt | Atcelt
mt: Aċċetta kollox | Irrifjuta kollox | Preferenzi | Issejvja | Ikkanċella
nl: Alles accepteren | Alles weigeren | Voorkeuren | Opslaan | Annuleren
pl: Zaakceptuj wszystkie | Odrzuć wszystkie | Ustawienia | Zapisz | Anuluj
pt: Aceitar tudo | Rejeitar tudo | Preferências | Guardar | Cancelar
ro: Acceptă toate | Respinge toate | Preferințe | Salvează | Anulează
sk: Prijať všetko | Odmietnuť všetko | Nastavenia | Uložiť | Zrušiť
sl: Sprejmi vse | Zavrni vse | Nastavitve | Shrani | Prekliči
sv: Acceptera alla | Avvisa alla | Inställningar | Spara | Avbryt
""")
# What each form of {lifetime} is made of: one, two and five years, and six months.
LIFETIMES = {
    "de": ("1 Jahr", "2 Jahre", "5 Jahre", "6 Monate"),
    "fr": ("1 an", "2 ans", "5 ans", "6 mois"),
    "ar": ("سنة واحدة", "سنتان", "5 سنوات", "6 أشهر"),
    "cs": ("1 roku", "2 let", "5 let", "6 měsíců"),
    "ga": ("1 bhliain", "2 bhliain", "5 bliana", "6 mhí"),
    "he": ("שנה אחת", "שנתיים", "5 שנים", "6 חודשים"),
    "lt": ("1 metus", "2 metus", "5 metus", "6 mėnesius"),
    "lv": ("1 gadu", "2 gadus", "5 gadus", "6 mēnešus"),
    "mt": ("1 sena", "2 snin", "5 snin", "6 xhur"),
    "pl": ("1 rok", "2 lata", "5 lat", "6 miesięcy"),
    "ro": ("1 an", "2 ani", "5 ani", "6 luni"),
    "sl": ("1 leto", "2 leti", "5 let", "6 mesecev"),
}
DEFAULT_TEXTS = (
    default_texts.POLICY_NAME,
    default_texts.INTRODUCTION,
    default_texts.EXPLANATION,
    *(text for category in default_texts.CATEGORIES for text in (category.name, category.purpose)),
)


def placeholders(text: str) -> Counter[str]:
    return Counter(PLACEHOLDER.findall(text))


def forms_of_numbers(rule: str) -> list[int]:
    """Return which plural form each number takes, from 0 on."""
    form = c2py(rule.partition("plural=")[2].strip().removesuffix(";"))
    return [form(number) for number in range(200)]


def told_apart(rule: str) -> set[frozenset[int]]:
    """Return the numbers that take the same plural form, whatever number the form has."""
    forms = forms_of_numbers(rule)
    return {frozenset(n for n, form in enumerate(forms) if form == each) for each in forms}


def forms_of_one_number(language: str) -> set[int]:
    """Return the plural forms that are for one number only, such as a dual."""
    used = Counter(forms_of_numbers(plural_forms(language)))
    return {form for form, times in used.items() if times == 1}


def plural_forms(language: str) -> str:
    return read(language)[0]["Plural-Forms"]


def django_catalogue(language: str) -> Path:
    return Path(django.__file__).parent / "conf" / "locale" / language / "LC_MESSAGES" / "django.mo"


def words(text: str) -> str:
    """Return the text as one line; a soft hyphen only says where a button's label may break."""
    return " ".join(text.replace("\N{SOFT HYPHEN}", "").split())


def page(path: str, language: str) -> tuple[str, list[str]]:
    """Return what a visitor with that browser language reads, and the buttons' labels."""
    response = Client().get(path, headers={"Accept-Language": f"{language}-CH,en;q=0.5"})
    markup = response.content.decode()
    buttons = re.findall(r"<button[^>]*>(.*?)</button>", markup, re.DOTALL)
    return words(unescape(strip_tags(markup))), [words(strip_tags(label)) for label in buttons]


# The files


@pytest.mark.parametrize("language", LANGUAGES)
def test_has_exactly_the_texts_of_code_and_templates(language):
    visitors, all_messages = in_source(visitors_only=True), in_source()
    kept = [entry.message for entry in entries(language)]

    # A catalogue without the team's texts has none of them, so that no page of the admin is mixed.
    assert set(kept) == (all_messages if language in FOR_THE_TEAM else visitors)
    assert [message for message, times in Counter(kept).items() if times > 1] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translator_meets_the_visitors_texts_first(language):
    visitors = in_source(visitors_only=True)
    kept = entries(language)
    order = [entry.message in visitors for entry in kept]
    headings = {
        kept.index(entry): entry.comments[0] for entry in kept if {*HEADINGS} & {*entry.comments}
    }

    assert order == sorted(order, reverse=True)
    begins = [0, len(visitors)] if language in FOR_THE_TEAM else [0]
    assert headings == dict(zip(begins, HEADINGS, strict=False))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated_and_none_is_a_guess(language):
    (plurals,) = map(int, re.findall(r"nplurals=(\d+);", plural_forms(language)))

    for entry in entries(language):
        assert all(entry.translations), entry.originals
        assert len(entry.translations) == (plurals if entry.message.plural else 1)
        assert "fuzzy" not in " ".join(entry.comments), entry.originals
        assert not any(comment.startswith("#~") for comment in entry.comments)


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_are_those_of_the_original(language):
    single = forms_of_one_number(language)
    wrong = []
    for entry in entries(language):
        for number, (original, translation) in enumerate(entry.pairs()):
            expected, found = placeholders(original), placeholders(translation)
            # A form for one number only may write it as a word, or have a dual.
            if entry.message.plural and number in single and not found:
                expected = Counter()
            if expected != found:
                wrong.append((original, translation))

    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_plural_forms_are_those_of_django(language):
    # Django keeps catalogues of other forms apart, and looks a text up in each of them.
    if language not in LANG_INFO or not (path := django_catalogue(language)).exists():
        pytest.skip("Django has no catalogue of this language.")
    with path.open("rb") as file:
        theirs = GNUTranslations(file).info()["plural-forms"]

    assert told_apart(plural_forms(language)) == told_apart(theirs)


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_bring_no_markup_of_their_own(language):
    # A template writes them as they are, some between the quotes of an attribute.
    wrong = [
        translation
        for entry in entries(language)
        for original, translation in entry.pairs()
        if any(original.count(sign) != translation.count(sign) for sign in '<>"')
    ]

    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_compiled_file_is_up_to_date(language):
    expected = {}
    for entry in entries(language):
        context, text, plural = entry.message
        key = f"{context}\4{text}" if context else text
        for number, translation in enumerate(entry.translations):
            expected[(key, number) if plural else key] = translation

    catalogue = vars(compiled(language))["_catalog"]

    assert {key: text for key, text in catalogue.items() if key} == expected
    assert catalogue[""].splitlines() == [": ".join(line) for line in read(language)[0].items()]


@pytest.mark.parametrize("language", LANGUAGES)
def test_header_names_the_project_and_nobody(language):
    header, _ = read(language)

    assert header["Project-Id-Version"] == "django-consent-tools"
    assert header["Language"] == language
    assert header["Last-Translator"] == header["Language-Team"] == ""
    assert not {name for name in header if name.startswith("X-")}
    assert "@" not in "".join(header.values())


def test_no_text_of_visitors_is_one_of_django():
    # Without a context Django's own catalogue would answer for it, and ours for the site's texts.
    theirs = set()
    for path in Path(django.__file__).parent.rglob("LC_MESSAGES/*.mo"):
        with path.open("rb") as file:
            theirs.update(vars(GNUTranslations(file))["_catalog"])
    known = {text[0] if isinstance(text, tuple) else text for text in theirs}

    assert len(known) > 1000
    visitors = in_source(visitors_only=True)
    assert {text for context, text, _ in visitors if not context} & known == set()


def test_no_french_sign_is_parted_from_its_word():
    # A line may break at a plain space.
    translations = [text for entry in entries("fr") for text in entry.translations]

    assert [text for text in translations if re.search("« | [:;?!»]", text)] == []


# What is read


@pytest.mark.parametrize(("language", "expected"), LIFETIMES.items())
def test_lifetime_in_words(language, expected):
    with override(language):
        found = [default_texts.lifetime(days) for days in (365, 730, 1825, 182)]

    assert tuple(found) == expected


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "text", [default_texts.NOTICE, default_texts.IMPLIED_NOTICE, default_texts.INTRODUCTION]
)
def test_texts_call_the_control_what_it_is_called(language, text):
    with override(language):
        assert words(CONTROL[language][0]) in words(default_texts.localized(text))


@pytest.fixture
def policy(db) -> Policy:
    """The policy that a website begins with, and one tool that visitors are to be asked about."""
    call_command("consent_init", stdout=StringIO())
    ToolFactory(category=Category.objects.get(key="functional"), name="Chat")
    return Policy.objects.get()


@pytest.mark.parametrize("path", ["/consent/policy/", "/consent/preferences/"])
def test_visitor_reads_labels_in_their_language(policy, path):
    for language, labels in BUTTONS.items():
        _, buttons = page(path, language)

        assert {*labels, *CONTROL[language]} <= set(buttons), language
        assert not {"Accept all", "Reject all", "Save", "Cancel"} & set(buttons), language


@pytest.mark.parametrize("regime", ["opt_in", "implied"])
def test_visitor_reads_the_default_texts_in_their_language(policy, regime):
    policy.regime = regime
    policy.save()
    notice = default_texts.NOTICE if regime == "opt_in" else default_texts.IMPLIED_NOTICE

    for language in LANGUAGES:
        read_by_visitor, _ = page("/consent/policy/", language)

        with override(language):
            lifetime = default_texts.lifetime(policy.lifetime_days)
            texts = [*DEFAULT_TEXTS, notice]
            shown = {text: default_texts.localized(text, lifetime=lifetime) for text in texts}
        for original, translation in shown.items():
            assert translation != original, language
            assert words(translation) in read_by_visitor, language


@pytest.mark.parametrize(("language", "direction"), [("ar", "rtl"), ("he", "rtl"), ("mt", "ltr")])
@pytest.mark.parametrize("path", ["/", "/consent/preferences/"])
def test_pages_of_the_demo_have_the_language_and_its_direction(policy, path, language, direction):
    markup = Client().get(path, headers={"Accept-Language": language}).content.decode()

    assert f'<html lang="{language}" dir="{direction}">' in markup


def test_demo_offers_every_language_by_its_own_name(settings):
    assert {code for code, _ in settings.LANGUAGES} == {"en", *LANGUAGES}
    for code, name in settings.LANGUAGES:
        assert get_language_info(code)["name_local"] == name


def test_other_languages_read_english(policy):
    _, buttons = page("/consent/policy/", "tr")

    assert {"Accept all", "Reject all", "Preferences", "Save", "Cancel"} <= set(buttons)
