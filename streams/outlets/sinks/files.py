"""Files that appear whole or not at all, and the newest of a folder."""

from pathlib import Path


def keep(path: Path, data: bytes) -> None:
    """Write a file; who lists the folder sees it whole."""
    draft = path.with_name(f".{path.name}.part")
    draft.write_bytes(data)
    draft.replace(path)


def newest(folder: Path, ending: str, count: int) -> list[Path]:
    """The newest files of a folder by their names, the newest first."""
    if not folder.is_dir():
        return []
    return sorted((path for path in folder.glob(f"[0-9]*{ending}")), reverse=True)[:count]
