"""What is done to identifying data before anything leaves.

``CleanSeries`` is the only thing that packaging takes, and only this package makes one: of what
``Cleaning`` has left in the ledger, where a destination asks for a profile, or of a
``passthrough``, because every destination says in as many words that all may pass as it came. So
the order of safety is in signatures: nothing is packaged that nobody has decided about.
"""

from causeway.pipeline.deidentify.clean import Asked, CleanFace, CleanSeries
from causeway.pipeline.deidentify.passthrough import passthrough
from causeway.pipeline.deidentify.restoring import restored

__all__ = ["Asked", "CleanFace", "CleanSeries", "passthrough", "restored"]
