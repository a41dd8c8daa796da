"""What all views have."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class View(BaseModel):
    """Something that is printed as JSON."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True, extra="forbid")

    def plain(self) -> dict[str, object]:
        return self.model_dump(mode="json")
