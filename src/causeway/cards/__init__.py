"""One page for the wall of a scanner room, made from the site's own configuration.

``facts`` holds what a card is about; ``wording`` turns it into sentences, which are the same on
paper and on the screen; ``page`` writes them as HTML and ``paper`` as PDF. What a card tells
somebody to type was parsed before by the code that will parse it when the images arrive.
"""

from causeway.cards.facts import CardFacts, ConsoleField, OptString, Otherwise, Place
from causeway.cards.page import html
from causeway.cards.paper import NotPrintable, Paper, pdf
from causeway.cards.wording import Card, card

__all__ = [
    "Card",
    "CardFacts",
    "ConsoleField",
    "NotPrintable",
    "OptString",
    "Otherwise",
    "Paper",
    "Place",
    "card",
    "html",
    "pdf",
]
