"""The texts of the demo site's policy, in English, German and French."""

# French is written with these signs.
# ruff: noqa: RUF001

from __future__ import annotations

from typing import Final

NAME: Final = "Website Data Collection Policy of Oddersay Ferry"
INTRODUCTION: Final = """\
Oddersay Ferry uses data that cookies and JavaScript libraries collect to make this site \
pleasanter to use, to see how many people come by and what they look for, to show advertisements \
that fit, and to make the site better as a whole.

Where the law asks for it, as in Europe, nothing optional starts before you agree; elsewhere it \
may run until you refuse. You can change your preferences whenever you like: choose “Website Data \
Collection Preferences” at the bottom of any page. We keep \
your choice for {lifetime}, then we ask again."""
EXPLANATION: Final = """\
Several tools on our site collect data. They do it with cookies and with JavaScript libraries.

Cookies are small pieces of text that a website leaves with your browser, much like a ticket stub: \
on your next visit they tell the site which settings you chose, that you have been here before, or \
what you might like to see.

JavaScript libraries are pieces of program that your browser runs as part of a page. They act when \
something happens there, for instance when you open the timetable or press a button, and report it \
to the company that made them.

The table shows what we collect data for, sorted by category, and every tool that takes part."""
TRANSLATIONS: Final[dict[str, dict[str, str]]] = {
    "de": {
        "name": "Datenerhebung auf der Website von Oddersay Ferry",
        "introduction": """\
Oddersay Ferry nutzt Daten, die Cookies und JavaScript-Bibliotheken erheben: damit diese Website \
angenehmer zu benutzen ist, damit wir sehen, wie viele Menschen vorbeikommen und was sie suchen, \
damit wir passende Werbung zeigen und damit die Website insgesamt besser wird.

Wo das Gesetz es verlangt, etwa in Europa, startet nichts Optionales, bevor Sie zustimmen; \
anderswo kann es laufen, bis Sie ablehnen. Sie können Ihre Einstellungen jederzeit ändern: über \
„Einstellungen zur Website-Datenerhebung“ unten auf jeder Seite. Ihre Auswahl bleibt {lifetime} \
gespeichert, dann fragen wir wieder.""",
        "explanation": """\
Auf unserer Website erheben mehrere Tools Daten. Sie tun das mit Cookies und mit \
JavaScript-Bibliotheken.

Cookies sind kleine Texte, die eine Website in Ihrem Browser hinterlässt, ähnlich wie der Abriss \
einer Eintrittskarte: Bei Ihrem nächsten Besuch sagen sie der Website, welche Einstellungen Sie \
gewählt haben, dass Sie schon einmal hier waren oder was Sie sehen möchten.

JavaScript-Bibliotheken sind Programmteile, die Ihr Browser als Teil einer Seite ausführt. Sie \
werden tätig, wenn dort etwas geschieht, etwa wenn Sie den Fahrplan öffnen oder auf einen Knopf \
drücken, und melden es dem Unternehmen, das sie hergestellt hat.

Die Tabelle zeigt nach Kategorien geordnet, wofür wir Daten erheben, und jedes Tool, das daran \
beteiligt ist.""",
    },
    "fr": {
        "name": "Collecte de données sur le site d’Oddersay Ferry",
        "introduction": """\
Oddersay Ferry utilise des données que recueillent des cookies et des bibliothèques JavaScript : \
pour rendre ce site plus agréable, pour voir combien de personnes y passent et ce qu’elles \
cherchent, pour montrer des publicités qui conviennent et pour améliorer le site dans son ensemble.

Là où la loi l’exige, comme en Europe, rien de facultatif ne démarre avant votre accord ; \
ailleurs, cela peut fonctionner jusqu’à votre refus. Vous pouvez modifier vos préférences quand \
vous voulez : choisissez « Préférences de collecte de données » en bas de chaque page. Nous \
conservons votre choix pendant {lifetime}, puis nous vous le redemandons.""",
        "explanation": """\
Plusieurs outils de notre site recueillent des données. Ils le font avec des cookies et avec des \
bibliothèques JavaScript.

Les cookies sont de petits textes qu’un site laisse dans votre navigateur, un peu comme le talon \
d’un billet : à votre prochaine visite, ils disent au site quels réglages vous avez choisis, que \
vous êtes déjà venu ou ce que vous aimeriez voir.

Les bibliothèques JavaScript sont des morceaux de programme que votre navigateur exécute dans une \
page. Elles agissent quand il s’y passe quelque chose, par exemple quand vous ouvrez les horaires \
ou appuyez sur un bouton, et le signalent à l’entreprise qui les a conçues.

Le tableau montre, par catégorie, pourquoi nous recueillons des données, et chaque outil qui y \
participe.""",
    },
}
