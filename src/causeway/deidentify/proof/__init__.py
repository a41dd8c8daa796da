"""The proof of each object, and the report of each study.

``prove`` searches an output for what identifies somebody in the original; a find is a ``Doubt``.
``StudyReport`` says what was done to a study, without a word of what it was done to; ``Maps`` says
who was who, on request and apart from it.
"""

from causeway.deidentify.proof.proof import Proof, prove
from causeway.deidentify.proof.report import Maps, StudyReport

__all__ = ["Maps", "Proof", "StudyReport", "prove"]
