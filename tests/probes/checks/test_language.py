from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from probes.ask import Reply
from probes.checks import LANGUAGES, Language

ANSWERS = {
    "ar": "عاصمة فرنسا هي باريس، وتقع على نهر السين ويسكنها نحو مليوني نسمة.",
    "da": "Hovedstaden i Frankrig hedder Paris. Byen ligger ved floden Seinen, og der bor omkring to millioner mennesker.",
    "de": "Die Hauptstadt von Frankreich ist Paris. Sie liegt an der Seine und hat etwa zwei Millionen Einwohner.",
    "en": "The capital of France is Paris. It lies on the river Seine and has about two million inhabitants.",
    "es": "La capital de Francia es París. Está a orillas del río Sena y tiene unos dos millones de habitantes.",
    "fr": "La capitale de la France est Paris. Elle se trouve au bord de la Seine et compte environ deux millions d'habitants.",
    "it": "La capitale della Francia è Parigi. Si trova sulla Senna e ha circa due milioni di abitanti.",
    "ja": "フランスの首都はパリで、セーヌ川のほとりにあります。人口は約二百万人です。",
    "ko": "프랑스의 수도는 파리이며 센강변에 위치해 있습니다. 인구는 약 이백만 명입니다.",
    "nl": "De hoofdstad van Frankrijk is Parijs. De stad ligt aan de Seine en heeft ongeveer twee miljoen inwoners.",
    "pl": "Stolicą Francji jest Paryż. Miasto leży nad Sekwaną i ma około dwóch milionów mieszkańców.",
    "pt": "A capital da França é Paris. A cidade fica às margens do rio Sena e tem cerca de dois milhões de habitantes.",
    "ru": "Столица Франции — Париж. Город стоит на реке Сене, и в нём живёт около двух миллионов человек.",
    "tr": "Fransa'nın başkenti Paris'tir. Şehir Seine nehri kıyısındadır ve yaklaşık iki milyon nüfusa sahiptir.",
    "uk": "Столиця Франції — Париж. Місто стоїть на річці Сені, і в ньому живе близько двох мільйонів людей.",
    "zh": "法国的首都是巴黎。这座城市位于塞纳河畔，人口约两百万，是世界著名的城市之一。",
}


@pytest.mark.parametrize("code", ANSWERS)
def test_an_answer_in_the_language(code: str) -> None:
    assert Language(code).wrong(Reply(ANSWERS[code])) is None


@pytest.mark.parametrize("code", sorted(ANSWERS.keys() - {"da"}))
def test_an_answer_in_another_language(code: str) -> None:
    expected = "fi"
    assert Language(expected).wrong(Reply(ANSWERS[code])) == f"is in {code}, where fi is expected"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Oui, Paris.",
        "42 × 17 = 714; 3.14159; 100 %; 2 + 2 = 4; 10 / 5 = 2",
        "def add(a, b):\n    return a + b\n\nfor i in range(10):\n    print(add(i, 1))\n",
        '{"name": "widget", "price": 3.5, "tags": ["red", "blue"], "stock": 12}',
        "Berlin, Hamburg, Toulouse, Paris, Roma, Milano, Madrid, Lisboa",
    ],
    ids=["empty", "short", "figures", "code", "JSON", "names"],
)
def test_what_says_nothing_of_its_language(text: str) -> None:
    assert Language("de").wrong(Reply(text)) is None


def test_words_of_another_language_inside() -> None:
    mixed = "Sure! Hier ist die Antwort: Der Container startet mit `docker run nginx`, danach öffnen Sie den Browser."
    assert Language("de").wrong(Reply(mixed)) is None


def test_letters_without_a_language() -> None:
    assert Language("en").wrong(Reply("asdkfj qwoeiru zmxncbv alskdjf qpwoeiru tyghbn vmcnxb")) == "is in no language, where en is expected"


def test_garbage_is_in_no_language() -> None:
    assert Language("en").wrong(Reply("The answer \x00\x01\x02")) == "holds 3 characters of 14 that cannot be printed"


def test_every_language_that_is_offered_is_known_to_the_model() -> None:
    for code in LANGUAGES:
        assert Language(code).wrong(Reply(ANSWERS["en"])) == (None if code == "en" else f"is in en, where {code} is expected")


def test_threads_share_the_model() -> None:
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: Language("de").wrong(Reply(ANSWERS["fr"])), range(40)))
    assert set(found) == {"is in fr, where de is expected"}


def test_nothing_is_loaded_before_it_is_needed() -> None:
    script = "import sys, config.model, probes.checks; probes.checks.Language('de'); print('numpy' in sys.modules, 'py3langid' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
