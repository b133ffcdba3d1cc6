"""The app that `faust -A agents worker` runs; settings come from floorwalker.toml and the environment."""

from streams.settings import load_settings

from agents.pipeline import build

app, engine = build(load_settings())
