"""Colours of the card, on paper and on the screen; each of them also reads in black and white."""

from __future__ import annotations

INK = "#17262b"
DEEP = "#0d4a57"
SOFT = "#e6f0f1"
LINE = "#b9cdd1"
QUIET = "#51666c"
ALARM = "#a3231b"
ALARM_SOFT = "#fbecea"
PART_COLOURS = {
    "group": "#0d4a57",
    "project": "#8a3b00",
    "subject": "#5b2a86",
    "session": "#2b5d1e",
}
"""Of the parts of the routing string and the labels below them."""
