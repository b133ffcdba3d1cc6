"""The app that workers run."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.engine import build_app


@pytest.mark.asyncio
async def test_the_data_folder_is_made_with_those_above_it(tmp_path: Path) -> None:
    folder = tmp_path / "of" / "worker-1"
    app, _ = build_app(bootstrap="127.0.0.1:1", namespace="x", partitions={}, data_folder=str(folder))

    await app.on_first_start()

    assert folder.is_dir()
