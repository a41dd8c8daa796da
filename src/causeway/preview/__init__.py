"""One object before and after de-identification, on a page that somebody can sign.

``examine`` takes an object through the same treatment as everything that leaves, and keeps what was
done where and by which rule; ``page`` makes one HTML file of it that loads nothing from anywhere.
What is held or in doubt is shown as well: what is known of it, and why it does not leave.
"""

from causeway.preview.examine import Preview, State, examine
from causeway.preview.page import GENERATOR, page
from causeway.preview.pictures import Shown

__all__ = ["GENERATOR", "Preview", "Shown", "State", "examine", "page"]
