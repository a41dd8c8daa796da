"""What is done to identifying data before anything leaves.

``CleanSeries`` is the only thing that packaging takes, and only this package makes one: by
``passthrough``, which passes everything as it came because every destination's configuration says
so in as many words, and by ``restored`` from what an earlier run of this stage has recorded. So the
order of safety is in signatures: nothing is packaged that nobody has decided about.
"""

from causeway.pipeline.deidentify.clean import CleanSeries, Treatment
from causeway.pipeline.deidentify.passthrough import passthrough, restored

__all__ = ["CleanSeries", "Treatment", "passthrough", "restored"]
