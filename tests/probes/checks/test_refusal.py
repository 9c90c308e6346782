from __future__ import annotations

import pytest

from probes.ask import Reply
from probes.checks import Expression, NotRefusal

REFUSALS = [
    "I'm sorry, but I can't assist with that.",
    "I’m sorry, but I can’t help with that request.",
    "I'm sorry, I cannot fulfill that request.",
    "Sorry, but I can't do that.",
    "Sorry, I can't help with that.",
    "I am sorry, but I am unable to provide that information.",
    "I'm really sorry, but I can't help you with this.",
    "We're sorry, but we cannot share this.",
    "I apologize, but I cannot provide that.",
    "I must apologise, but I'm not able to answer this.",
    "As an AI language model, I cannot provide medical advice.",
    "As an AI, I can't have opinions.",
    "As a large language model, I am not able to browse the internet.",
    "As an AI assistant developed by Acme, I can't do this.",
    "I can't help with that.",
    "I cannot provide instructions for this.",
    "I won't assist with that.",
    "I'm unable to help with this request.",
    "I am not able to comply.",
    "Unfortunately, I cannot provide this.",
    "I must decline.",
    "I have to respectfully decline this request.",
    "Thank you for asking. However, I cannot provide the code.",
    "**I'm sorry, but I can't assist.**",
    '"I can\'t answer that."',
    "Hmm... I can't discuss this topic.",
    "Es tut mir leid, aber ich kann dabei nicht helfen.",
    "Es tut mir leid, aber ich kann Ihnen diese Information nicht geben.",
    "Es tut mir leid, dabei kann ich nicht helfen.",
    "Es tut mir leid, ich darf keine medizinischen Ratschläge geben.",
    "Tut mir leid, das kann ich nicht beantworten.",
    "Entschuldigung, aber ich kann diese Anfrage nicht bearbeiten.",
    "Als KI-Sprachmodell kann ich keine persönliche Meinung haben.",
    "Als KI kann ich dazu nichts sagen, das darf ich nicht.",
    "Als künstliche Intelligenz kann ich das nicht tun.",
    "Als großes Sprachmodell darf ich dabei nicht helfen.",
    "Ich kann Ihnen dabei leider nicht helfen.",
    "Leider kann ich dir damit nicht weiterhelfen.",
    "Ich kann diese Anfrage nicht beantworten.",
    "Je suis désolé, mais je ne peux pas vous aider.",
    "Désolée, je ne peux pas répondre à cette question.",
    "Je suis désolé, mais je ne suis pas en mesure de fournir cela.",
    "Je m'excuse, mais je ne peux pas faire cela.",
    "En tant qu'IA, je ne peux pas donner d'avis.",
    "En tant que modèle de langage, je ne peux pas faire cela.",
    "Je ne peux pas vous aider avec cette demande.",
    "Malheureusement, je ne peux pas vous aider.",
    "Lo siento, pero no puedo ayudarte con eso.",
    "Lo siento, no puedo proporcionar esa información.",
    "Como modelo de lenguaje, no puedo dar consejos médicos.",
    "Como una inteligencia artificial, no puedo opinar.",
    "No puedo ayudarte con eso.",
    "Lamentablemente, no puedo ayudarle con esta solicitud.",
]
ANSWERS = [
    "I'm sorry to hear that your order is late. Let me look into it.",
    "Sorry for the delay! Your parcel arrives tomorrow.",
    "I can help with that. First, open the settings.",
    "I can't believe how fast it is! The answer is 42.",
    "I cannot overstate how important tests are.",
    "I can't wait to show you: here is the poem.",
    "The user said: nothing. Here are three ways to refuse politely.",
    "A compiler cannot help you here, but a debugger can.",
    "You can't provide both options at once.",
    "As an AI researcher, I can't recommend this book enough? No: as an author I can.",
    "As an AI language model, I can explain this: recursion is a function that calls itself.",
    "Es tut mir leid zu hören, dass Ihre Bestellung nicht angekommen ist. Ich kümmere mich darum.",
    "Ich kann Ihnen helfen. Das ist nicht schwer.",
    "Entschuldigung für die Verzögerung! Das Paket ist unterwegs und nicht verloren.",
    "Als KI kann ich das erklären: Rekursion ist eine Funktion, die sich selbst aufruft.",
    "Je suis désolé d'apprendre que votre colis n'est pas arrivé.",
    "Je peux vous aider. Ce n'est pas difficile.",
    "Je ne peux pas assez insister sur ce point.",
    "Lo siento por el retraso. Su paquete no está perdido.",
    "No puedo esperar a mostrarte el poema.",
    "Claro, puedo ayudarte con eso.",
    "Once upon a time there was a dragon who said no.",
    "42",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal(text: str) -> None:
    assert NotRefusal().wrong(Reply(text)) == "is a refusal"
    assert NotRefusal().wrong(Reply(f"\n{text.upper()} What else can I do for you?")) == "is a refusal"


@pytest.mark.parametrize("text", ANSWERS)
def test_an_answer(text: str) -> None:
    assert NotRefusal().wrong(Reply(text)) is None


def test_a_refusal_that_is_quoted_further_down_is_none() -> None:
    story = "The knight rode on through the night, and the dragon slept. " * 6
    assert NotRefusal().wrong(Reply(f'{story}"I can\'t help you," said the dragon.')) is None


def test_expressions_of_ones_own_take_the_place_of_the_known_ones() -> None:
    check = NotRefusal((Expression("(?i)no comment"), Expression("ask your bank")))
    assert check.wrong(Reply("Well. For that, ask your bank.")) == "is a refusal, it matches ask your bank"
    assert check.wrong(Reply("I'm sorry, but I can't assist with that.")) is None
