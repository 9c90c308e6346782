"""Answers that decline: the ways in which models say that they will not help."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from probes.ask import Reply
from probes.checks.expressions import Expression
from probes.wording import shortened

_AT_HEAD = r"(?is)\A(?:.{0,200}?[\n.!?:;,—–])?[^\w\n]{0,20}+"
"""A refusal begins the answer, or a clause near its beginning; further down it may be a quotation."""


def _english() -> tuple[str, ...]:
    cannot = (
        r"(?:can['’]?t|can ?not|could not|couldn['’]t|won['’]t|will not|must decline|must refuse"
        r"|(?:am |['’]m )?(?:unable|not able|not allowed|not permitted) to)"
    )
    help_with = (
        r"(?:help|assist|support|provide|give|offer|share|answer|respond|discuss|comply|fulfil|complete|create|generate|write|produce"
        r"|engage|participate|continue|proceed|talk about|do (?:that|this|it))"
    )
    model = (
        r"(?:[\w-]+ ){0,4}(?:AI|LLM|language model|assistant|chatbot)"
        r"(?: (?:model|system|program|assistant|chatbot|developed|created|made|trained|built)(?: [\w-]+){0,3})?"
    )
    return (
        rf"(?:\w+(?:['’]|\s)\w{{1,2}} )?(?:very |so |really |truly )?sorry,? (?:but )?(?:I|we) ?{cannot}",
        rf"I (?:must |have to )?apologi[sz]e,? (?:but )?I ?{cannot}",
        rf"as an? {model},? I ?{cannot}",
        rf"(?:unfortunately,? )?I ?{cannot} {help_with}",
        r"I (?:must|have to) (?:respectfully |politely )?(?:decline|refuse)",
    )


def _german() -> tuple[str, ...]:
    can = r"(?:kann|darf|werde|bin)"
    no = r"[^.!?\n]{0,120}?\b(?:nicht|kein\w{0,2})\b"
    somebody = r"(?:(?:dir|ihnen|euch|leider|da|dabei|damit|hierbei) ){0,4}"
    model = r"(?:[\w-]+ ){0,3}(?:[\w-]*KI|[\w-]*intelligenz|[\w-]*sprachmodell|[\w-]*assistent(?:in)?|chatbot)(?: \w+){0,2}"
    return (
        rf"(?:es )?tut mir (?:sehr |wirklich )?leid,? (?:aber |doch |dass )?(?:\w+ ){{0,3}}{can}\b{no}",
        rf"(?:ich bitte um )?(?:entschuldigung|verzeihung|entschuldige|entschuldigen sie),? (?:aber |doch )?(?:\w+ ){{0,3}}{can}\b{no}",
        rf"als {model},? {can} ich\b{no}",
        rf"(?:ich kann|(?:leider|dabei|damit|hierbei) kann ich) {somebody}nicht (?:weiter)?helfen",
        rf"(?:ich kann|leider kann ich) {somebody}\w+ (?:anfrage|bitte|frage|aufgabe) (?:leider )?nicht",
    )


def _french() -> tuple[str, ...]:
    cannot = r"je ne (?:peux|puis|pourrai|suis) (?:malheureusement )?pas"
    model = r"(?:[\w-]+ ){0,3}(?:IA|intelligence artificielle|modèle de langage|assistante?)(?: [\w-]+){0,3}"
    help_with = r"(?:vous aider|t['’]aider|répondre|fournir|satisfaire|accéder à (?:cette|votre)|faire (?:cela|ça)|en mesure|autorisée?)"
    return (
        rf"(?:je suis )?(?:vraiment |sincèrement |profondément )?désolée?,? (?:mais )?{cannot}",
        rf"(?:je m['’]excuse|veuillez m['’]excuser|toutes mes excuses),? (?:mais )?{cannot}",
        rf"en tant qu(?:e |['’]){model},? {cannot}",
        rf"(?:malheureusement,? )?{cannot} {help_with}",
    )


def _spanish() -> tuple[str, ...]:
    cannot = r"no (?:puedo|podré|me es posible|estoy (?:en condiciones|autorizad[oa])|tengo permitido)"
    model = r"(?:una? )?(?:[\w-]+ ){0,3}(?:IA|inteligencia artificial|modelo de lenguaje|asistente)(?: [\w-]+){0,3}"
    help_with = r"(?:ayudar|asistir|proporcionar|responder|cumplir|darte esa|darle esa|hacer eso)"
    return (
        rf"(?:lo siento|lo lamento|disculpa|disculpe|perdona|perdone|me temo)(?: mucho)?,? (?:pero |que )?{cannot}",
        rf"como {model},? {cannot}",
        rf"(?:lamentablemente,? |desafortunadamente,? )?{cannot} {help_with}",
    )


@cache
def refusals() -> tuple[Expression, ...]:
    """The common refusals in English, German, French and Spanish, compiled once and only where answers are looked at for them."""
    return tuple(Expression(f"{_AT_HEAD}(?:{pattern})") for pattern in (*_english(), *_german(), *_french(), *_spanish()))


@dataclass(frozen=True, slots=True)
class NotRefusal:
    """None of the expressions matches anywhere in the answer."""

    expressions: tuple[Expression, ...] = field(default_factory=refusals)

    def wrong(self, reply: Reply) -> str | None:
        for expression in self.expressions:
            if expression.found_in(reply.text):
                return "is a refusal" if self.expressions is refusals() else f"is a refusal, it matches {shortened(expression.written, 120)}"
        return None
