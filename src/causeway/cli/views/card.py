"""What `causeway card` made, as JSON."""

from __future__ import annotations

from causeway.cli.views.base import View


class CardView(View):
    """The card of one source."""

    source: str
    """Name of the source."""
    files: list[str]
    """The files that were written."""
    missing: str
    """Why one of the forms could not be made; empty if all were."""


class CardsView(View):
    """`causeway card`."""

    cards: list[CardView]
    """One for each source."""
    warnings: list[str]
    """What the configuration makes hard for operators, with the source in front."""
