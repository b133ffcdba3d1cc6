"""The reference made from code: `docs/reference/*.md` and `schemas/json/*.json`. `python -m tools.reference`."""
