"""What a visitor reads in each language of the app."""

import re
from html import unescape
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils.html import strip_tags
from django.utils.translation import get_language_info, override

from consent.models import Category, Policy, default_texts
from tests.factories import ToolFactory
from tests.messages import LANGUAGES

pytestmark = pytest.mark.once


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


def words(text: str) -> str:
    """Return the text as one line; a soft hyphen only says where a button's label may break."""
    return " ".join(text.replace("\N{SOFT HYPHEN}", "").split())


def page(path: str, language: str) -> tuple[str, list[str]]:
    """Return what a visitor with that browser language reads, and the buttons' labels."""
    response = Client().get(path, headers={"Accept-Language": f"{language}-CH,en;q=0.5"})
    markup = response.content.decode()
    buttons = re.findall(r"<button[^>]*>(.*?)</button>", markup, re.DOTALL)
    return words(unescape(strip_tags(markup))), [words(strip_tags(label)) for label in buttons]


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
